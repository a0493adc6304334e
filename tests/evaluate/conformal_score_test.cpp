#include <gtest/gtest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/evaluate/conformal/ranked_row.h"
#include "lathe/evaluate/conformal/strata.h"
#include "lathe/evaluate/conformal/synthetic.h"
#include "lathe/evaluate/conformal/truth.h"
#include "lathe/evaluate/conformal/tuning.h"

namespace lathe::evaluate::conformal {
namespace {

at::Tensor random_logits(int64_t n, int64_t num_classes, uint64_t seed) {
  return 1.6 *
         torch::randn({n, num_classes}, at::make_generator<at::CPUGeneratorImpl>(seed), torch::kFloat32);
}

bool same(const Sets& a, const Sets& b) {
  return a.offsets.equal(b.offsets) && a.labels.equal(b.labels);
}

// A fitted object with this threshold: one calibration score and α = 1/2.
Conformal with_threshold(const Rule& rule, int64_t num_classes, double threshold, uint64_t seed = 0) {
  Fitted fitted{.rule = rule, .seed = seed, .num_classes = num_classes, .pools = {{threshold}}};
  fitted.alpha = 0.5;
  return Conformal(std::move(fitted));
}

// p = (.5, .3, .15, .05) in another order of labels.
class HandExample : public testing::Test {
 protected:
  HandExample() { row_.load(0); }
  int64_t size(double lambda, int64_t k_reg, double u, Randomized randomized = Randomized::kYes) {
    return row_.set_size({.k_reg = k_reg, .lambda = lambda, .randomized = randomized}, 0.9, u);
  }
  const at::Tensor logits_ = torch::tensor({{0.15, 0.5, 0.05, 0.3}}, torch::kFloat64).log();
  const LogitRows rows_{logits_};
  RankedRow row_{rows_, 1};
};

TEST_F(HandExample, HasTheScoresOfThePaper) {
  const std::vector<double> half = row_.set_scores({}, 9, 0.5), one = row_.set_scores({}, 9, 1);
  const std::vector<double> expected_half = {.25, .65, .875, .975}, expected_one = {.5, .8, .95, 1};
  for (size_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(half[k], expected_half[k], 1e-6);
    EXPECT_NEAR(one[k], expected_one[k], 1e-6);
  }
  const std::vector<double> penalised = row_.set_scores({.k_reg = 1, .lambda = 0.2}, 9, 0.5);
  const std::vector<double> expected = {.25, .85, 1.275, 1.575};
  for (size_t k = 0; k < 4; ++k) EXPECT_NEAR(penalised[k], expected[k], 1e-6);
}

TEST_F(HandExample, HasTheSizesOfThePaper) {
  EXPECT_EQ(size(0, 0, 0.5), 3);
  EXPECT_EQ(size(0.2, 1, 0.5), 2);
  EXPECT_EQ(size(0.2, 1, 1), 1);
  EXPECT_EQ(size(0, 0, 0.5, Randomized::kNo), 2);  // u = 1: .5, .8
  EXPECT_EQ(size(0, 0, 0.5, Randomized::kCalibrationOnly), 3);
  EXPECT_EQ(size(0.2, 1, 0.5, Randomized::kCalibrationOnly), 2);
}

TEST_F(HandExample, RanksLabels) {
  const std::vector<int64_t> order = {1, 3, 0, 2};
  for (int64_t rank = 1; rank <= 4; ++rank) {
    EXPECT_EQ(row_.label_at(rank), order[rank - 1]);
    EXPECT_EQ(row_.ranked(order[rank - 1]).rank, rank);
  }
  EXPECT_NEAR(row_.ranked(0).before, 0.8, 1e-6);
  EXPECT_NEAR(row_.ranked(0).probability, 0.15, 1e-7);
}

TEST_F(HandExample, OtherScores) {
  EXPECT_EQ(row_.set_size({.method = Method::kNaive}, 0.9, 0.5), 3);  // .5, .8, .95 crosses
  EXPECT_EQ(row_.set_size({.method = Method::kNaive}, 0.7, 0.5), 2);
  EXPECT_EQ(row_.set_size({.method = Method::kLac}, 0.86, 0.5), 3);  // p >= .14
  EXPECT_EQ(row_.set_size({.method = Method::kTopK}, 2.5, 0.5), 3);
  EXPECT_EQ(row_.set_size({.method = Method::kTopK}, 2.5, 0.6), 2);
  EXPECT_EQ(row_.set_size({.method = Method::kLac}, 0.4, 0.5), 0);
  EXPECT_EQ(row_.set_size({.method = Method::kLac, .allow_empty = false}, 0.4, 0.5), 1);
}

// Every label ranked, for each shape that the lazy ranking goes about differently: ties, gaps, excluded
// classes, extreme scales.
TEST(RankedRow, RanksLikeAStableSort) {
  const int64_t n = 40, k = 300;
  const at::Tensor scale = torch::logspace(-3, 3, n, 10.0, torch::kFloat32).unsqueeze(1);
  at::Tensor logits = torch::cat({random_logits(n, k, 1), random_logits(n, k, 2) * scale,
                                  random_logits(n, k, 3).round(), torch::zeros({1, k})});
  logits.select(1, 7).fill_(-std::numeric_limits<float>::infinity());
  logits.select(1, 8).mul_(-0.0);
  const LogitRows rows(logits);
  RankedRow row(rows, 0.7);
  for (int64_t i = 0; i < rows.size(); ++i) {
    const float* z = logits.data_ptr<float>() + i * k;
    std::vector<int64_t> order(k);
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return z[a] > z[b]; });
    row.load(i);
    for (int64_t rank = 1; rank <= k; ++rank) ASSERT_EQ(row.label_at(rank), order[rank - 1]) << i;
    for (int64_t rank = 1; rank <= k; rank += 17) ASSERT_EQ(row.ranked(order[rank - 1]).rank, rank);
  }
}

// The two ways to a score, from sums over all labels and along the ranking, agree in every bit.
TEST(RankedRow, ScoresOfOneLabelAreThoseOfTheRanking) {
  const at::Tensor logits = 3 * random_logits(200, 333, 4);
  const LogitRows rows(logits);
  RankedRow row(rows, 1.3);
  const Rule rule{.k_reg = 4, .lambda = 0.013};
  for (int64_t i = 0; i < rows.size(); ++i) {
    row.load(i);
    const std::vector<double> scores = row.set_scores(rule, 1e9, 0.37);
    ASSERT_TRUE(std::is_sorted(scores.begin(), scores.end()));
    for (int64_t rank = 1; rank <= 333; ++rank)
      ASSERT_EQ(score(rule, row.ranked(row.label_at(rank)), 0.37), scores[static_cast<size_t>(rank - 1)]);
  }
}

TEST(RankedRow, ProbabilitiesAreThoseOfSoftmax) {
  const at::Tensor logits = random_logits(50, 1000, 5) * 2;
  const at::Tensor p = logits.to(torch::kFloat64).div(0.8).softmax(1);
  const LogitRows rows(logits);
  RankedRow row(rows, 0.8);
  for (int64_t i = 0; i < 50; ++i) {
    row.load(i);
    EXPECT_NEAR(row.confidence(), p[i].max().item<double>(), 1e-6);
    for (int64_t label = 0; label < 1000; label += 37) {
      const double expected = p[i][label].item<double>();
      EXPECT_NEAR(row.ranked(label).probability, expected, 1e-6 * expected + 1e-11);
    }
  }
}

// The paper's form (algorithms 2 and 3): L₀ labels, the last of them dropped when U >= V.
TEST(ConformalSet, DefinitionEqualsThePapersForm) {
  const int64_t n = 100000, k = 20, k_reg = 3;
  const double tau = 0.93, lambda = 0.05;
  const at::Tensor logits = random_logits(n, k, 6);
  const Conformal conformal = with_threshold({.k_reg = k_reg, .lambda = lambda}, k, tau, 5);
  const at::Tensor sizes = conformal.predict({.logits = logits}).sizes();
  const Uniforms uniforms = prediction_uniforms(5);
  const at::Tensor p = std::get<0>(logits.to(torch::kFloat64).softmax(1).sort(1, true)).contiguous();
  int64_t dropped = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double* row = p.data_ptr<double>() + i * k;
    int64_t crossing = 0;
    double sum = 0;
    for (int64_t r = 1; r <= k; ++r) {
      sum += row[r - 1];
      crossing += sum + lambda * static_cast<double>(std::max<int64_t>(0, r - k_reg)) <= tau;
    }
    const int64_t last = std::min(crossing + 1, k);
    const double before = std::accumulate(row, row + last - 1, 0.0);
    const double v =
        (tau - before - lambda * static_cast<double>(std::max<int64_t>(0, last - k_reg))) / row[last - 1];
    const int64_t expected = uniforms(i) >= v ? last - 1 : last;
    dropped += expected < last;
    ASSERT_EQ(sizes[i].item<int64_t>(), expected) << "row " << i;
  }
  EXPECT_GT(dropped, n / 10);
  EXPECT_LT(dropped, n - n / 10);
}

TEST(ConformalSet, LambdaZeroIsAps) {
  const Examples examples = synthetic_logits(2000, core::Seed(1), 50);
  const Conformal raps = Conformal::fit(examples, {.k_reg = 3, .lambda = 0}),
                  aps = Conformal::fit(examples, {.method = Method::kAps});
  EXPECT_EQ(raps.thresholds(), aps.thresholds());
  EXPECT_TRUE(same(raps.predict(examples), aps.predict(examples)));
}

TEST(ConformalSet, AGreatLambdaIsTopK) {
  const Examples examples = synthetic_logits(4000, core::Seed(2), 100);
  const Options options{.k_reg = 0, .lambda = 1e6, .temperature = 1};
  Options fixed = options;
  fixed.method = Method::kTopK;
  const at::Tensor raps = Conformal::fit(examples, options).predict(examples).sizes(),
                   topk = Conformal::fit(examples, fixed).predict(examples).sizes();
  EXPECT_EQ(raps.max().item<int64_t>(), topk.max().item<int64_t>());
  EXPECT_GE(raps.min().item<int64_t>(), raps.max().item<int64_t>() - 1);
  EXPECT_GE(topk.min().item<int64_t>(), topk.max().item<int64_t>() - 1);
}

TEST(ConformalSet, DeterministicIsUOne) {
  const Examples examples = synthetic_logits(1500, core::Seed(3), 60);
  const Options options{.k_reg = 3, .lambda = 0.02, .temperature = 1.1, .randomized = Randomized::kNo};
  const Conformal conformal = Conformal::fit(examples, options);
  const LogitRows rows(examples.logits);
  RankedRow row(rows, 1.1);
  std::vector<double> scores;
  for (int64_t i = 0; i < rows.size(); ++i) {
    row.load(i);
    scores.push_back(score({.k_reg = 3, .lambda = 0.02}, row.ranked(examples.labels[i].item<int64_t>()), 1));
  }
  std::sort(scores.begin(), scores.end());
  EXPECT_EQ(conformal.thresholds()[0], scores[1351 - 1]);  // ⌈1501 · 0.9⌉
  const at::Tensor sizes = conformal.predict(examples).sizes();
  for (int64_t i = 0; i < rows.size(); ++i) {
    row.load(i);
    ASSERT_EQ(sizes[i].item<int64_t>(), row.set_size({.k_reg = 3, .lambda = 0.02}, scores[1350], 1));
  }
}

TEST(ConformalSet, ShrinksAsAlphaGrows) {
  const Examples examples = synthetic_logits(3000, core::Seed(4), 200);
  at::Tensor larger = torch::full({3000}, 201, torch::kInt64);
  for (double alpha : {0.02, 0.05, 0.1, 0.3, 0.6}) {
    const Conformal conformal =
        Conformal::fit(examples, {.alpha = alpha, .k_reg = 5, .lambda = 0.01, .temperature = 1.2});
    const at::Tensor sizes = conformal.predict(examples).sizes();
    EXPECT_TRUE(sizes.le(larger).all().item<bool>());
    larger = sizes;
  }
}

TEST(ConformalSet, DoesNotDependOnBatchesThreadsOrTypes) {
  const Examples examples = synthetic_logits(1000, core::Seed(5), 130);
  const Conformal conformal = Conformal::fit(examples);
  const Sets whole = conformal.predict(examples);
  core::set_num_threads(3);
  EXPECT_TRUE(same(conformal.predict(examples), whole));
  EXPECT_EQ(Conformal::fit(examples).thresholds(), conformal.thresholds());
  core::set_num_threads(core::available_processors());

  std::vector<at::Tensor> labels;
  for (int64_t begin = 0; begin < 1000; begin += 170)
    labels.push_back(conformal
                         .predict({.logits = examples.logits,
                                   .rows = torch::arange(begin, std::min<int64_t>(begin + 170, 1000))})
                         .labels);
  EXPECT_TRUE(torch::cat(labels).equal(whole.labels));
  const at::Tensor strided = examples.logits.t().contiguous().t();
  EXPECT_TRUE(same(conformal.predict({.logits = strided}), whole));
}

TEST(ConformalSet, LabelsComeByDecreasingProbability) {
  const Examples examples = synthetic_logits(300, core::Seed(6), 100);
  const Sets sets = Conformal::fit(examples).predict(examples);
  for (int64_t i = 0; i < 300; ++i) {
    const at::Tensor labels =
        sets.labels.slice(0, sets.offsets[i].item<int64_t>(), sets.offsets[i + 1].item<int64_t>());
    const at::Tensor expected =
        std::get<1>(examples.logits[i].sort(/*stable=*/true, 0, true)).slice(0, 0, labels.size(0));
    EXPECT_TRUE(labels.equal(expected));
  }
}

TEST(ConformalTuning, KRegIsTheBruteForceOne) {
  const Examples examples = synthetic_logits(777, core::Seed(7), 150);
  const at::Tensor truth = examples.logits.gather(1, examples.labels.unsqueeze(1));
  const at::Tensor rank = examples.logits.gt(truth).sum(1) + 1;
  for (double alpha : {0.02, 0.1, 0.5}) {
    int64_t k = 1;
    while (rank.le(k).to(torch::kFloat64).mean().item<double>() < 1 - alpha) ++k;
    const Tuned tuned = tune(LogitRows(examples.logits), examples.labels, {.alpha = alpha, .lambda = 0.1});
    EXPECT_EQ(tuned.rule.k_reg, k);
  }
}

TEST(ConformalTuning, ChoosesTheBestOfItsGrid) {
  const Examples examples = synthetic_logits(1500, core::Seed(8), 300);
  const LogitRows rows(examples.logits);
  const Tuned tuned = tune(rows, examples.labels, {});
  const auto mean_size = [&](double lambda) {
    const Conformal conformal = Conformal::fit(
        examples, {.k_reg = tuned.rule.k_reg, .lambda = lambda, .temperature = tuned.temperature});
    return conformal.predict(examples).sizes().to(torch::kFloat64).mean().item<double>();
  };
  for (double lambda : {0.001, 0.01, 0.1, 0.2, 0.5})
    EXPECT_LE(mean_size(tuned.rule.lambda), mean_size(lambda) + 0.05) << lambda;
  EXPECT_LT(tune(rows, examples.labels, {.tune = Tune::kAdaptiveness}).rule.lambda, 0.0021);
}

TEST(ConformalTuning, TakesWhatIsGiven) {
  const Examples examples = synthetic_logits(500, core::Seed(9), 30);
  const Conformal conformal = Conformal::fit(examples, {.k_reg = 2, .lambda = 0.3, .temperature = 1.5});
  EXPECT_EQ(conformal.fitted().rule.k_reg, 2);
  EXPECT_EQ(conformal.fitted().rule.lambda, 0.3);
  EXPECT_EQ(conformal.fitted().temperature, 1.5);
  EXPECT_EQ(conformal.num_calibration(), 500);  // nothing to tune: all examples calibrate
  EXPECT_EQ(Conformal::fit(examples).num_calibration(), 350);
}

// Twelve examples: sizes 0–1: 3 of 4 covered; 2–3: 4 of 4; 7–10: 1 of 3; 11–100: 1 of 1.
TEST(ConformalStrata, ViolationOfAHandTable) {
  const std::vector<SizeAndCover> examples = {{0, false}, {1, true},  {1, true},   {1, true},
                                              {2, true},  {3, true},  {2, true},   {3, true},
                                              {7, true},  {8, false}, {10, false}, {50, true}};
  EXPECT_NEAR(stratified_violation(examples, size_strata(1000), 0.1), 0.9 - 1.0 / 3, 1e-15);
  EXPECT_NEAR(stratified_violation({examples.begin(), examples.begin() + 8}, size_strata(1000), 0.1), 0.15,
              1e-15);
}

TEST(ConformalStrata, AreThePapersAndScaleDown) {
  const auto limits = [](int64_t num_classes) {
    std::vector<int64_t> highs;
    for (const Stratum& stratum : size_strata(num_classes)) highs.push_back(stratum.high);
    return highs;
  };
  EXPECT_EQ(limits(1000), (std::vector<int64_t>{1, 3, 6, 10, 100, 1000}));
  EXPECT_EQ(limits(5000), (std::vector<int64_t>{1, 3, 6, 10, 100, 5000}));
  EXPECT_EQ(limits(100), (std::vector<int64_t>{1, 2, 3, 5, 22, 100}));
  EXPECT_EQ(limits(10), (std::vector<int64_t>{1, 2, 3, 4, 5, 10}));
  EXPECT_EQ(limits(2), (std::vector<int64_t>{1, 2}));
}

// The figures that the specification computed: RAPS 4.9 ± 0.5 at λ = 0.1, k_reg = 5, APS at least 55, LAC
// about 2.1.
TEST(ConformalSynthetic, HasTheSizesThatWereComputed) {
  const Examples examples = synthetic_logits(6000, core::Seed(10));
  const at::Tensor calibration = torch::arange(3000), test = torch::arange(3000, 6000);
  const auto mean_size = [&](const Options& options) {
    const Conformal conformal =
        Conformal::fit({.logits = examples.logits, .labels = examples.labels, .rows = calibration}, options);
    return conformal.predict({.logits = examples.logits, .rows = test})
        .sizes()
        .to(torch::kFloat64)
        .mean()
        .item<double>();
  };
  EXPECT_NEAR(mean_size({.k_reg = 5, .lambda = 0.1, .temperature = 1}), 4.9, 0.5);
  EXPECT_GE(mean_size({.method = Method::kAps, .temperature = 1}), 55);
  EXPECT_NEAR(mean_size({.method = Method::kLac, .temperature = 1}), 2.1, 0.4);
}

}  // namespace
}  // namespace lathe::evaluate::conformal
