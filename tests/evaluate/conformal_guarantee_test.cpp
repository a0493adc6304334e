#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/evaluate/conformal/adaptive_alpha.h"
#include "lathe/evaluate/conformal/clusters.h"
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/evaluate/conformal/conformal_module.h"
#include "lathe/evaluate/conformal/quantile.h"
#include "lathe/evaluate/conformal/regression.h"
#include "lathe/evaluate/conformal/synthetic.h"
#include "lathe/math/kolmogorov_smirnov.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::conformal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> sorted_uniforms(int64_t n, core::Random& random) {
  std::vector<double> values;
  for (int64_t i = 0; i < n; ++i) values.push_back(random.uniform());
  std::sort(values.begin(), values.end());
  return values;
}

double mean_coverage(const Conformal& conformal, const Examples& examples) {
  const at::Tensor inside = conformal.p_values(examples).gather(1, examples.labels.unsqueeze(1));
  return inside.gt(conformal.fitted().alpha).to(torch::kFloat64).mean().item<double>();
}

// Twenty exchangeable scores: 18 of 20 ranks are covered, 0.9 exactly.
TEST(ConformalQuantile, CoversExactly) {
  core::Random random(1);
  const int64_t trials = 200000;
  int64_t covered = 0;
  for (int64_t i = 0; i < trials; ++i)
    covered += random.uniform() <= conformal_quantile(sorted_uniforms(19, random), 0.1);
  EXPECT_NEAR(static_cast<double>(covered) / trials, 0.9, 4 * std::sqrt(0.09 / trials));
}

TEST(ConformalQuantile, IndexIsExactInSpiteOfRounding) {
  std::vector<double> scores(999);
  for (size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<double>(i + 1);
  for (int64_t thousandths = 1; thousandths < 1000; ++thousandths)
    EXPECT_EQ(conformal_quantile(scores, static_cast<double>(thousandths) / 1000),
              static_cast<double>(1000 - thousandths));
  EXPECT_EQ(conformal_quantile(scores, 0.0005), kInfinity);
  EXPECT_EQ(conformal_quantile({1, 2, 3, 4, 5, 6, 7, 8}, 0.1), kInfinity);  // the 9th of 8
  EXPECT_EQ(conformal_quantile({1, 2, 3, 4, 5, 6, 7, 8, 9}, 0.1), 9);
  EXPECT_EQ(conformal_quantile({1, 2}, -0.3), kInfinity);
  EXPECT_EQ(conformal_quantile({1, 2}, 1.3), -kInfinity);
  EXPECT_EQ(smallest_calibration(0.1), 9);
  EXPECT_EQ(smallest_calibration(0.05), 19);
  EXPECT_EQ(smallest_calibration(0.3), 3);
}

TEST(ConformalQuantile, CoverageFollowsTheBetaBand) {
  const math::Interval band = coverage_band(1000, 0.1);
  EXPECT_NEAR(band.low, 0.8742, 5e-5);
  EXPECT_NEAR(band.high, 0.9230, 5e-5);
  core::Random random(2);
  std::vector<double> coverages;  // of uniform scores: the threshold itself
  for (int i = 0; i < 2000; ++i) coverages.push_back(conformal_quantile(sorted_uniforms(1000, random), 0.1));
  const auto cdf = [](double x) { return math::incomplete_beta(901, 100, x); };
  EXPECT_GT(math::kolmogorov_smirnov_test(coverages, cdf).p_value, 0.001);
  const auto other = [](double x) { return math::incomplete_beta(896, 105, x); };
  EXPECT_LT(math::kolmogorov_smirnov_test(coverages, other).p_value, 0.001);
  EXPECT_EQ(coverage_band(8, 0.1).low, 1);
}

// Of n + 1 + m exchangeable scores, the k test scores below τ̂: BetaBinomial, by simulation.
TEST(ConformalQuantile, MeasuredCoverageStaysInItsBand) {
  const math::Interval band = observed_coverage_band(200, 50, 0.1), wide = coverage_band(200, 0.1);
  EXPECT_LT(band.low, wide.low);
  EXPECT_GE(band.high, wide.high);
  core::Random random = core::Seed(11).random();
  const int64_t trials = 20000;
  int64_t below = 0, above = 0, just_inside = 0;
  for (int64_t trial = 0; trial < trials; ++trial) {
    const double threshold = conformal_quantile(sorted_uniforms(200, random), 0.1);
    int64_t covered = 0;
    for (int64_t i = 0; i < 50; ++i) covered += random.uniform() <= threshold;
    const double coverage = static_cast<double>(covered) / 50;
    below += coverage < band.low;
    above += coverage > band.high;
    just_inside += coverage <= band.low;
  }
  EXPECT_LT(static_cast<double>(below) / trials, 0.005 + 0.002);
  EXPECT_LT(static_cast<double>(above) / trials, 0.005 + 0.002);
  EXPECT_GT(static_cast<double>(just_inside) / trials, 0.005 - 0.002);  // no wider than it must be
  // With many test examples it is the Beta band.
  EXPECT_NEAR(observed_coverage_band(1000, 1000000, 0.1).low, coverage_band(1000, 0.1).low, 1e-4);
  EXPECT_EQ(observed_coverage_band(8, 100, 0.1).low, 1);
}

TEST(ConformalGuarantee, GivenTuningRowsTuneAndAllRowsCalibrate) {
  Examples pool = synthetic_logits(900, core::Seed(8), 40);
  pool.tuning = torch::arange(0, 300);
  pool.rows = torch::arange(300, 900);
  const Conformal conformal = Conformal::fit(pool, {});
  EXPECT_EQ(conformal.num_calibration(), 600);
  EXPECT_EQ(conformal.fitted().num_tuning, 300);
  Examples changed = pool;  // labels of calibration rows do not change what was tuned
  changed.labels = pool.labels.clone();
  changed.labels.slice(0, 300).zero_();
  const Conformal other = Conformal::fit(changed, {});
  EXPECT_EQ(other.fitted().temperature, conformal.fitted().temperature);
  EXPECT_EQ(other.fitted().rule.lambda, conformal.fitted().rule.lambda);
  EXPECT_NE(other.thresholds(), conformal.thresholds());
  Options cross;
  cross.tune = Tune::kCross;
  EXPECT_THROW(Conformal::fit(pool, cross), InputError);
}

TEST(ConformalQuantile, EqualWeightsChangeNothing) {
  core::Random random(3);
  for (int64_t n : {5, 19, 20, 100}) {
    const std::vector<double> scores = sorted_uniforms(n, random);
    std::vector<double> cumulative;
    for (int64_t i = 1; i <= n; ++i) cumulative.push_back(0.7 * static_cast<double>(i));
    for (double alpha : {0.05, 0.1, 0.25, 0.5})
      EXPECT_EQ(weighted_quantile(scores, cumulative, 0.7, alpha), conformal_quantile(scores, alpha));
  }
}

// Scores x ~ U(0, 1) at calibration, density 2x at test: w(x) = 2x restores coverage, without it it falls.
TEST(ConformalQuantile, WeightsUndoAKnownShift) {
  core::Random random(4);
  const int trials = 4000;
  int weighted = 0, unweighted = 0;
  for (int t = 0; t < trials; ++t) {
    const std::vector<double> scores = sorted_uniforms(100, random);
    std::vector<double> cumulative;
    double total = 0;
    for (double x : scores) cumulative.push_back(total += 2 * x);
    const double test = std::sqrt(random.uniform());
    weighted += test <= weighted_quantile(scores, cumulative, 2 * test, 0.2);
    unweighted += test <= conformal_quantile(scores, 0.2);
  }
  EXPECT_GT(static_cast<double>(weighted) / trials, 0.8 - 0.02);
  EXPECT_LT(static_cast<double>(weighted) / trials, 0.8 + 0.03);
  EXPECT_LT(static_cast<double>(unweighted) / trials, 0.7);
}

// Many splits of one pool: the mean coverage is 1 − α for every calibrated method.
TEST(ConformalGuarantee, HoldsOverSplits) {
  const Examples pool = synthetic_logits(3000, core::Seed(5), 100);
  for (Method method : {Method::kRaps, Method::kAps, Method::kLac, Method::kTopK}) {
    double sum = 0;
    const int splits = 40;
    for (int s = 0; s < splits; ++s) {
      const at::Tensor order = torch::tensor(
          core::Seed(6).stream(static_cast<uint64_t>(s)).random().permutation(3000), torch::kInt64);
      Examples calibration = pool, test = pool;
      calibration.rows = order.slice(0, 0, 1000);
      test.rows = order.slice(0, 1000);
      const Conformal conformal =
          Conformal::fit(calibration, {.method = method, .temperature = 1, .seed = static_cast<uint64_t>(s)});
      const Sets sets = conformal.predict(test);
      const at::Tensor owner = torch::repeat_interleave(sets.sizes());
      const at::Tensor truth = pool.labels.index_select(0, test.rows).index_select(0, owner);
      sum += sets.labels.eq(truth).sum().item<double>() / 2000 / splits;
    }
    EXPECT_NEAR(sum, 0.9, 0.008) << to_string(method);
  }
}

TEST(ConformalGuarantee, PValuesAreTheSets) {
  const Examples examples = synthetic_logits(800, core::Seed(7), 40);
  for (Method method : {Method::kRaps, Method::kAps, Method::kLac, Method::kTopK}) {
    for (Condition condition : {Condition::kNone, Condition::kClass}) {
      const Conformal conformal =
          Conformal::fit(examples, {.alpha = 0.137, .method = method, .condition = condition});
      const at::Tensor in = conformal.p_values(examples).gt(0.137);
      const Sets sets = conformal.predict(examples);
      EXPECT_TRUE(in.sum(1).equal(sets.sizes()));
      const at::Tensor owner = torch::repeat_interleave(sets.sizes());
      EXPECT_TRUE(in.index({owner, sets.labels}).all().item<bool>());
    }
  }
}

TEST(ConformalGuarantee, TooFewExamplesGiveAllLabelsAndSaySo) {
  const Examples examples = synthetic_logits(8, core::Seed(8), 30);
  const Conformal conformal = Conformal::fit(examples, {.k_reg = 5, .lambda = 0.1, .temperature = 1});
  EXPECT_EQ(conformal.thresholds()[0], kInfinity);
  EXPECT_TRUE(conformal.predict(examples).sizes().eq(30).all().item<bool>());
  ASSERT_EQ(conformal.warnings().size(), 1u);
  EXPECT_NE(conformal.warnings()[0].find("at least 9"), std::string::npos);
}

// Two groups, one twice as hard: one threshold misses both, a threshold each covers both.
TEST(ConformalGuarantee, HoldsInEachGroup) {
  Examples easy = synthetic_logits(4000, core::Seed(9), 60),
           hard = synthetic_logits(4000, core::Seed(10), 60);
  hard.logits = hard.logits * 0.3 + 2 * synthetic_logits(4000, core::Seed(11), 60).logits;
  Examples all{.logits = torch::cat({easy.logits, hard.logits}),
               .labels = torch::cat({easy.labels, hard.labels}),
               .groups = torch::arange(8000).ge(4000).to(torch::kInt64)};
  const at::Tensor order = torch::tensor(core::Random(12).permutation(8000), torch::kInt64);
  Examples calibration = all;
  calibration.rows = order.slice(0, 0, 4000);
  const Conformal grouped =
      Conformal::fit(calibration, {.method = Method::kAps, .temperature = 1, .condition = Condition::kGroup});
  const Conformal pooled = Conformal::fit(calibration, {.method = Method::kAps, .temperature = 1});
  for (int64_t group : {0, 1}) {
    const at::Tensor test = order.slice(0, 4000);
    const at::Tensor rows = test.masked_select(all.groups.index_select(0, test).eq(group));
    const Examples part{.logits = all.logits.index_select(0, rows),
                        .labels = all.labels.index_select(0, rows),
                        .groups = all.groups.index_select(0, rows)};
    EXPECT_NEAR(mean_coverage(grouped, part), 0.9, 0.025);
    EXPECT_GT(std::abs(mean_coverage(pooled, part) - 0.9), 0.025);
  }
  Examples unknown = all;
  unknown.groups = all.groups + 1;
  EXPECT_THROW(grouped.predict(unknown), InputError);
  unknown.groups = at::Tensor();
  EXPECT_THROW(grouped.predict(unknown), InputError);
}

// Classes below 20 of 40 are hard. By class, or by clusters found without knowing which, both kinds are
// covered.
TEST(ConformalGuarantee, HoldsInEachKindOfClass) {
  Examples all = synthetic_logits(12000, core::Seed(13), 40);
  const at::Tensor is_hard = all.labels.lt(20);
  const at::Tensor truth = torch::one_hot(all.labels, 40).to(torch::kFloat32);
  all.logits = all.logits - 4 * truth * is_hard.to(torch::kFloat32).unsqueeze(1);
  Examples calibration = all, test = all;
  calibration.rows = torch::arange(6000);
  test.rows = torch::arange(6000, 12000);
  const auto gap = [&](Condition condition) {
    const Conformal conformal =
        Conformal::fit(calibration, {.method = Method::kLac, .temperature = 1, .condition = condition});
    const at::Tensor p =
        conformal.p_values(test).gather(1, all.labels.slice(0, 6000).unsqueeze(1)).squeeze(1);
    const at::Tensor hard = is_hard.slice(0, 6000);
    double worst = 0;
    for (const at::Tensor& kind : {hard, hard.logical_not()})
      worst = std::max(
          worst, std::abs(p.masked_select(kind).gt(0.1).to(torch::kFloat64).mean().item<double>() - 0.9));
    return worst;
  };
  EXPECT_GT(gap(Condition::kNone), 0.04);
  EXPECT_LT(gap(Condition::kClass), 0.02);
  EXPECT_LT(gap(Condition::kCluster), 0.02);
}

TEST(ConformalClusters, PutAlikeClassesTogetherAndLeaveRareOnesOut) {
  core::Random random(14);
  std::vector<std::vector<double>> scores(12);
  for (size_t k = 0; k < 10; ++k)
    for (int i = 0; i < 200; ++i) scores[k].push_back(random.uniform() + (k < 5 ? 0 : 3));
  scores[10] = {0.5, 0.7};
  const std::vector<int64_t> clusters = cluster_classes(scores, 0.1, core::Seed(1));
  EXPECT_EQ(clusters[10], 0);
  EXPECT_EQ(clusters[11], 0);
  for (size_t k = 0; k < 10; ++k) EXPECT_GT(clusters[k], 0);
  for (size_t a = 0; a < 5; ++a)
    for (size_t b = 5; b < 10; ++b) EXPECT_NE(clusters[a], clusters[b]);
}

TEST(ConformalGuarantee, CrossUsesEveryExample) {
  const Examples examples = synthetic_logits(4000, core::Seed(15), 80);
  Examples calibration = examples, test = examples;
  calibration.rows = torch::arange(2000);
  const Conformal conformal = Conformal::fit(calibration, {.tune = Tune::kCross});
  EXPECT_EQ(conformal.num_calibration(), 2000);
  test = {.logits = examples.logits.slice(0, 2000), .labels = examples.labels.slice(0, 2000)};
  EXPECT_NEAR(mean_coverage(conformal, test), 0.9, 0.03);
}

TEST(ConformalGuarantee, CalibrationOnlyIsNeverEmptyAndLarger) {
  const Examples examples = synthetic_logits(2000, core::Seed(16), 80);
  const Options options{.k_reg = 5, .lambda = 0.01, .temperature = 1};
  Options only = options, filled = options;
  only.randomized = Randomized::kCalibrationOnly;
  filled.allow_empty = false;
  const Conformal random = Conformal::fit(examples, options);
  const at::Tensor sizes = random.predict(examples).sizes(),
                   larger = Conformal::fit(examples, only).predict(examples).sizes(),
                   without_empty = Conformal::fit(examples, filled).predict(examples).sizes();
  EXPECT_EQ(sizes.min().item<int64_t>(), 0);
  EXPECT_GE(larger.min().item<int64_t>(), 1);
  EXPECT_TRUE(larger.ge(sizes).all().item<bool>());
  EXPECT_TRUE(without_empty.equal(sizes.clamp_min(1)));
}

TEST(ConformalRegression, CoversAndScales) {
  const int64_t n = 40000;
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(17);
  const at::Tensor sigma = torch::rand({n}, generator, torch::kFloat64) + 0.2;
  const at::Tensor y = sigma * torch::randn({n}, generator, torch::kFloat64),
                   zero = torch::zeros({n}, torch::kFloat64);
  const int64_t half = n / 2;
  const auto coverage = [&](const at::Tensor& low, const at::Tensor& high, const at::Tensor& scale,
                            double expected_margin) {
    const auto part = [&](const at::Tensor& x, int64_t a, int64_t b) {
      return x.defined() ? x.slice(0, a, b) : x;
    };
    const double margin = interval_margin({part(low, 0, half), part(high, 0, half), part(scale, 0, half)},
                                          y.slice(0, 0, half), 0.1);
    EXPECT_NEAR(margin, expected_margin, 0.03);
    const Intervals intervals =
        widen({part(low, half, n), part(high, half, n), part(scale, half, n)}, margin);
    const at::Tensor test = y.slice(0, half);
    return test.ge(intervals.low)
        .logical_and(test.le(intervals.high))
        .to(torch::kFloat64)
        .mean()
        .item<double>();
  };
  EXPECT_NEAR(coverage(zero, zero, sigma, 1.645), 0.9, 0.01);
  EXPECT_NEAR(coverage(-3 * sigma, 3 * sigma, sigma, 1.645 - 3), 0.9, 0.01);  // too wide: shrunk
  EXPECT_EQ(interval_margin({zero.slice(0, 0, 8), zero.slice(0, 0, 8)}, y.slice(0, 0, 8), 0.1), kInfinity);
  EXPECT_THROW(interval_margin({zero, zero}, y, 1), InputError);
  EXPECT_THROW(interval_margin({zero, zero.slice(0, 1)}, y, 0.1), InputError);
  EXPECT_THROW(interval_margin({zero, zero, zero}, y, 0.1), InputError);
}

// A stream that becomes harder and harder: the bound of proposition 4.1 holds, a fixed α fails.
TEST(AdaptiveAlphaTest, KeepsCoverageWhileScoresDrift) {
  core::Random random(18);
  const std::vector<double> scores = sorted_uniforms(500, random);
  AdaptiveAlpha adaptive(0.1, 0.01);
  const int steps = 5000;
  int missed = 0, missed_fixed = 0;
  for (int t = 0; t < steps; ++t) {
    const double score = random.uniform() * (1 + 0.5 * t / steps);
    const bool covered = score <= conformal_quantile(scores, adaptive.alpha());
    missed += !covered;
    missed_fixed += score > conformal_quantile(scores, 0.1);
    adaptive.observe(covered ? Outcome::kCovered : Outcome::kMissed);
  }
  EXPECT_LE(std::abs(static_cast<double>(missed) / steps - 0.1), (0.9 + 0.01) / (0.01 * steps));
  EXPECT_GT(static_cast<double>(missed_fixed) / steps, 0.2);
  EXPECT_THROW(AdaptiveAlpha(0), InputError);
  EXPECT_THROW(AdaptiveAlpha(0.1, 0), InputError);
}

TEST(AdaptiveAlphaTest, AnyAlphaGivesSets) {
  const Examples examples = synthetic_logits(300, core::Seed(19), 20);
  const Conformal conformal = Conformal::fit(examples);
  EXPECT_TRUE(conformal.at_alpha(-0.1).predict(examples).sizes().eq(20).all().item<bool>());
  EXPECT_TRUE(conformal.at_alpha(1.1).predict(examples).sizes().eq(0).all().item<bool>());
  EXPECT_EQ(conformal.at_alpha(0.1).thresholds(), conformal.thresholds());
}

TEST(ConformalModuleTest, WrapsAModel) {
  const Examples examples = synthetic_logits(300, core::Seed(20), 20);
  const Conformal conformal = Conformal::fit(examples);
  torch::nn::Linear identity(torch::nn::LinearOptions(20, 20).bias(false));
  torch::NoGradGuard no_grad;
  identity->weight.copy_(torch::eye(20));
  ConformalModule module{torch::nn::AnyModule(identity), conformal};
  EXPECT_EQ(module.named_parameters().size(), 1u);
  const PredictedSets predicted = module.forward(examples.logits);
  EXPECT_TRUE(predicted.logits.equal(examples.logits));
  EXPECT_TRUE(predicted.sets.labels.equal(conformal.predict(examples).labels));
}

}  // namespace
}  // namespace lathe::evaluate::conformal
