#include "lathe/optim/adascale.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"
#include "tests/optim/gradient_list.h"
#include "tests/support/message.h"

namespace lathe::optim {
namespace {

// g = (3, 0), (1, 2), (2, −1), (2, 1): Σ‖g‖² = 24, ‖ḡ‖² = 4.25.
const std::vector<torch::Tensor> kFour = {doubles({3, 0}), doubles({1, 2}), doubles({2, -1}),
                                          doubles({2, 1})};

// The moments that AdaScale finds in one step with these gradients of one parameter.
struct Seen {
  GradientMoments moments;
  double gain;
  StepReport report;
};
Seen see(const std::vector<torch::Tensor>& gradients, AdaScaleOptions options = {}) {
  const torch::Tensor w = torch::zeros_like(gradients.front()).requires_grad_();
  GradientList::Gradients list;
  for (const torch::Tensor& gradient : gradients) list.push_back({gradient});
  GradientList source({w}, list);
  const auto adascale = std::make_shared<AdaScale>(ParameterGroups{{w}}, options);
  ComposedStep step(make_optimizer({w}, {.momentum = 0, .nesterov = false, .weight_decay = 0}),
                    {.observers = {adascale}, .factor = adascale});
  const StepReport report = step.step(source);
  return {adascale->moments(), adascale->gain(), report};
}

TEST(AdaScale, FourGradientsByHand) {
  const Seen seen = see(kFour);
  EXPECT_NEAR(seen.moments.variance, 7.0 / 3, 1e-12);
  EXPECT_NEAR(seen.moments.squared_mean, 11.0 / 3, 1e-12);
  EXPECT_NEAR(seen.gain, 1.411765, 1e-6);
  EXPECT_DOUBLE_EQ(seen.report.progress, seen.gain);
  EXPECT_DOUBLE_EQ(seen.report.lr_factor, seen.gain);
  EXPECT_DOUBLE_EQ(seen.report.metrics.at("gain"), seen.gain);
  EXPECT_NEAR(seen.report.metrics.at("noise_scale"), 7.0 / 11, 1e-12);
}

TEST(AdaScale, AScaleThatIsNotTheNumberOfReplicas) {
  const Seen seen = see(kFour, {.scale = 2});
  EXPECT_NEAR(seen.moments.variance, 7.0 / 6, 1e-12);
  EXPECT_NEAR(seen.moments.squared_mean, 11.0 / 3, 1e-12);
  EXPECT_NEAR(seen.gain, 1.137255, 1e-6);
}

TEST(AdaScale, ConsecutiveGradientsByHand) {
  const GradientMoments moments = consecutive_moments(9, 5, 5, 1);  // (3, 0) and (1, 2), mean (2, 1)
  EXPECT_DOUBLE_EQ(moments.squared_mean, 3);
  EXPECT_DOUBLE_EQ(moments.variance, 4);
}

TEST(AdaScale, OrthogonalIdenticalAndOppositeGradients) {
  EXPECT_NEAR(see({doubles({2, 0, 0}), doubles({0, 2, 0}), doubles({0, 0, 2})}).gain, 3, 1e-9);
  EXPECT_NEAR(see({doubles({1, 2}), doubles({1, 2}), doubles({1, 2})}).gain, 1, 1e-6);
  EXPECT_DOUBLE_EQ(see({doubles({1, 2}), doubles({-1, -2})}).gain, 2);
  EXPECT_DOUBLE_EQ(see({doubles({0, 0}), doubles({0, 0})}).gain, 1);  // nothing known
}

TEST(AdaScale, TheGainDoesNotDependOnTheGradientsSize) {
  for (double size : {1e-12, 1e-3, 1e6}) {
    std::vector<torch::Tensor> gradients;
    for (const torch::Tensor& g : kFour) gradients.push_back(g * size);
    EXPECT_NEAR(see(gradients).gain, 1.411765, 1e-6) << size;
  }
}

TEST(AdaScale, TheGainIsBetweenOneAndTheScale) {
  core::Random random = core::Seed(3).random();
  for (int i = 0; i < 100000; ++i) {
    const auto n = static_cast<int64_t>(2 + random.below(7));
    const double scale = 1 + 31 * random.uniform();
    double squares = 0, mean = 0;
    for (int64_t k = 0; k < n; ++k) {
      const double g = random.uniform() - 0.5;
      squares += g * g;
      mean += g / static_cast<double>(n);
    }
    const GradientMoments moments = replica_moments(squares, mean * mean, n, scale);
    const double r = gain(moments, scale);
    ASSERT_GE(r, 1 - 1e-12);
    ASSERT_LE(r, scale * (1 + 1e-12));
  }
}

// Gradients N(m, 4 I) in 5 dimensions: trace of the covariance 20, ‖m‖² = 5.
TEST(AdaScale, TheEstimatesAreUnbiased) {
  at::Generator generator = nn::generator(core::Seed(5));
  constexpr int kDraws = 10000;
  constexpr int64_t kReplicas = 3;
  std::vector<double> variances, squared_means;
  for (int i = 0; i < kDraws; ++i) {
    const torch::Tensor g = 1 + 2 * torch::randn({kReplicas, 5}, generator, torch::kFloat64);
    const GradientMoments m = replica_moments(g.square().sum().item<double>(),
                                              g.mean(0).square().sum().item<double>(), kReplicas, kReplicas);
    variances.push_back(m.variance);
    squared_means.push_back(m.squared_mean);
  }
  const auto expect_mean = [](const std::vector<double>& values, double truth) {
    const torch::Tensor v = doubles(values);
    const double error = v.std().item<double>() / std::sqrt(static_cast<double>(values.size()));
    EXPECT_NEAR(v.mean().item<double>(), truth, 3 * error);
  };
  expect_mean(variances, 20);
  expect_mean(squared_means, 5);
}

TEST(AdaScale, GroupsHaveTheirOwnGainAndTheTotalIsOfTheSums) {
  const torch::Tensor a = doubles({0, 0}).requires_grad_(), b = doubles({0, 0}).requires_grad_();
  GradientList source({a, b}, {{doubles({10, 0}), doubles({1, 0})}, {doubles({10, 0}), doubles({0, 1})}});
  const auto adascale = std::make_shared<AdaScale>(ParameterGroups{{a}, {b}}, AdaScaleOptions{});
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector<torch::Tensor>{a}, std::make_unique<torch::optim::SGDOptions>(0.1));
  groups.emplace_back(std::vector<torch::Tensor>{b}, std::make_unique<torch::optim::SGDOptions>(0.5));
  ComposedStep step(std::make_unique<torch::optim::SGD>(groups, torch::optim::SGDOptions(1)),
                    {.observers = {adascale}, .factor = adascale});
  const StepReport report = step.step(source);
  EXPECT_NEAR(adascale->gain(0), 1, 1e-5);
  EXPECT_NEAR(adascale->gain(1), 2, 1e-9);
  EXPECT_NEAR(report.progress, (1 + 100.0) / (0.5 + 100), 1e-9);
  EXPECT_GT(std::abs((adascale->gain(0) + adascale->gain(1)) / 2 - report.progress), 0.1 * report.progress);
  EXPECT_NEAR(a[0].item<double>(), -0.1 * adascale->gain(0) * 10, 1e-12);
  EXPECT_NEAR(b[0].item<double>(), -0.5 * adascale->gain(1) * 0.5, 1e-12);
  EXPECT_EQ(step.base().param_groups()[1].options().get_lr(), 0.5);  // put back
}

// θ = 1 − N/1000. With debias two steps weigh θ : 1; plainly they weigh 1 : 1.
TEST(AdaScale, AveragesOverSteps) {
  const auto variance_after = [&](MomentAverage average) {
    const torch::Tensor w = doubles({0, 0}).requires_grad_();
    AdaScale adascale({{w}}, {.smoothing = 0.5, .average = average});
    GradientList first({w}, {{doubles({1, 0})}, {doubles({-1, 0})}}),  // σ̂² = 2
        second({w}, {{doubles({0, 3})}, {doubles({0, -3})}});          // σ̂² = 18
    for (GradientList* source : {&first, &second}) {
      for (int64_t i = 0; i < 2; ++i) adascale.replica(*source, i, source->evaluate(i, Pass::first));
      w.mutable_grad() = doubles({0, 0});
      StepReport report;
      adascale.mean(*source, adascale.sums(*source), report);
    }
    return adascale.moments().variance;
  };
  EXPECT_NEAR(variance_after(MomentAverage::debias), (0.25 * 2 + 0.5 * 18) / 0.75, 1e-12);
  EXPECT_NEAR(variance_after(MomentAverage::plain), 10, 1e-12);
}

// Clamped before averaging, a small mean looks larger than it is.
TEST(AdaScale, ClampingFirstOverestimatesTheMean) {
  const auto squared_mean = [](bool clamp) {
    const torch::Tensor w = torch::zeros({1}, torch::kFloat64).requires_grad_();
    AdaScaleOptions options{.smoothing = 0, .average = MomentAverage::plain, .clamp_before_average = clamp};
    options.smoothing = 0.9999;
    const auto adascale = std::make_shared<AdaScale>(ParameterGroups{{w}}, options);
    at::Generator generator = nn::generator(core::Seed(1));
    for (int i = 0; i < 2000; ++i) {
      const torch::Tensor g = torch::randn({2, 1}, generator, torch::kFloat64);
      GradientList source({w}, {{g[0]}, {g[1]}});
      for (int64_t k = 0; k < 2; ++k) adascale->replica(source, k, source.evaluate(k, Pass::first));
      w.mutable_grad() = g.mean(0);
      StepReport report;
      adascale->mean(source, adascale->sums(source), report);
    }
    return adascale->moments().squared_mean;
  };
  EXPECT_NEAR(squared_mean(false), 0, 0.05);
  EXPECT_GT(squared_mean(true), 0.2);
}

TEST(AdaScale, SetScaleKeepsWhatIsKnown) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  AdaScale adascale({{w}}, {.scale = 4});
  GradientList source({w}, {{kFour[0]}, {kFour[1]}, {kFour[2]}, {kFour[3]}});
  for (int64_t i = 0; i < 4; ++i) adascale.replica(source, i, source.evaluate(i, Pass::first));
  w.mutable_grad() = doubles({2, 0.5});
  StepReport report;
  adascale.mean(source, adascale.sums(source), report);
  const double predicted = adascale.gain_at(16);
  adascale.set_scale(16);
  EXPECT_EQ(adascale.gain(), predicted);
  EXPECT_THROW(adascale.set_scale(0.5), InputError);
}

TEST(AdaScale, ANonFiniteReplicaChangesNothing) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  const auto adascale = std::make_shared<AdaScale>(ParameterGroups{{w}}, AdaScaleOptions{});
  ComposedStep step(make_optimizer({w}, {}), {.observers = {adascale}, .factor = adascale});
  GradientList good({w}, {{kFour[0]}, {kFour[1]}}), bad({w}, {{kFour[0]}, {doubles({NAN, 0})}});
  step.step(good);
  const GradientMoments before = adascale->moments();
  const torch::Tensor w_before = w.detach().clone();
  const StepReport report = step.step(bad);
  EXPECT_TRUE(report.skipped);
  EXPECT_EQ(report.progress, 0);
  EXPECT_EQ(adascale->moments().variance, before.variance);
  EXPECT_EQ(adascale->moments().squared_mean, before.squared_mean);
  EXPECT_TRUE(torch::equal(w, w_before));
}

TEST(AdaScale, ScaleOneIsTheBaseOptimizerBitForBit) {
  const auto run = [](std::optional<AdaScaleOptions> adascale) {
    const torch::Tensor w = torch::ones({3}).requires_grad_();
    const auto step = make_step({w}, {.lr = 0.1, .adascale = adascale});
    at::Generator generator = nn::generator(core::Seed(2));
    double tau = 0;
    for (int i = 0; i < 20; ++i) {
      GradientList source({w}, {{torch::randn({3}, generator)}, {torch::randn({3}, generator)}});
      tau += step->step(source).progress;
    }
    return std::make_pair(w.detach().clone(), tau);
  };
  const auto plain = run(std::nullopt), scaled = run(AdaScaleOptions{.scale = 1});
  EXPECT_TRUE(torch::equal(plain.first, scaled.first));
  EXPECT_EQ(scaled.second, 20);
}

TEST(AdaScale, OneReplicaNeedsAnotherWay) {
  const std::string what = testing_support::message_of<InputError>([] {
    see({doubles({1, 2})}, {.scale = 4});
  });
  for (const char* remedy : {"train.micro_batch", "difference", "scale = 1"})
    EXPECT_NE(what.find(remedy), std::string::npos) << what;
  EXPECT_DOUBLE_EQ(see({doubles({1, 2})}, {.scale = 1}).gain, 1);
}

TEST(AdaScale, EstimatesFromConsecutiveGradientsUntilThereAreReplicas) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  const auto adascale = std::make_shared<AdaScale>(
      ParameterGroups{{w}}, AdaScaleOptions{.scale = 3, .estimator = MomentEstimator::difference});
  ComposedStep step(make_optimizer({w}, {.lr = 1e-9}), {.observers = {adascale}, .factor = adascale});
  GradientList a({w}, {{doubles({3, 0})}}), b({w}, {{doubles({1, 2})}});
  EXPECT_EQ(step.step(a).progress, 1);
  step.step(b);
  EXPECT_TRUE(adascale->biased());
  EXPECT_NEAR(adascale->moments().variance, 3 * 4, 1e-12);
  EXPECT_NEAR(adascale->moments().squared_mean, 3, 1e-12);
  GradientList both({w}, {{doubles({3, 0})}, {doubles({1, 2})}});
  step.step(both);
  EXPECT_FALSE(adascale->biased());
  EXPECT_NEAR(adascale->moments().variance, 3.0 / 1 * (7 - 5), 1e-12);  // of these two alone
}

TEST(AdaScale, MicroBatchesOfDifferentSizesAreRefused) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  GradientList source({w}, {{kFour[0]}, {kFour[1]}});
  source.sizes = {4, 3};
  EXPECT_EQ(testing_support::message_of<InputError>(
                [&] { make_step({w}, {.adascale = AdaScaleOptions{}})->step(source); }),
            "AdaScale needs micro-batches of equal size, got 4 and 3 examples");
}

// A process among several, whose others are given by their packets.
class OneOfTwo : public GradientList {
 public:
  using GradientList::GradientList;
  int processes() const override { return 2; }
  int64_t replicas() const override { return 2 * local_replicas(); }
  void all_reduce_sum(at::TensorList tensors) override {
    ++reductions;
    for (size_t i = 0; i < tensors.size(); ++i) tensors[i].add_(other[i]);
  }
  std::vector<torch::Tensor> other;
  int reductions = 0;
};

TEST(AdaScale, TwoProcessesAreTwiceTheReplicasInOneReduction) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  OneOfTwo source({w}, {{kFour[0]}, {kFour[1]}});
  const torch::Tensor loss = doubles({8, 8});
  source.other = {kFour[2] + kFour[3], loss, doubles({10, 0, 0, 0, 2})};
  const StepReport report = make_step({w}, {.adascale = AdaScaleOptions{}})->step(source);
  EXPECT_NEAR(report.progress, 1.411765, 1e-6);
  EXPECT_EQ(source.reductions, 1);
  EXPECT_EQ(report.collectives, 1);
}

TEST(AdaScale, ProcessesThatDisagreeAreNamed) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  OneOfTwo source({w}, {{kFour[0]}, {kFour[1]}});
  source.other = {kFour[2], doubles({8, 8}), doubles({10, 0, 0, 8, 2})};
  EXPECT_EQ(testing_support::message_of<InputError>(
                [&] { make_step({w}, {.adascale = AdaScaleOptions{.scale = 4}})->step(source); }),
            "AdaScale needs the same scale (0: auto) on every process: rank 0 has 4, rank 1 has 8");
  source.other = {kFour[2], doubles({8, 8}), doubles({10, 0, 0, 4, 3})};
  EXPECT_EQ(testing_support::message_of<InputError>(
                [&] { make_step({w}, {.adascale = AdaScaleOptions{.scale = 4}})->step(source); }),
            "AdaScale needs the same number of micro-batches on every process: rank 0 has 2, rank 1 has 3");
}

// L = Σ c_i w_i⁴ has curvature, so that SAM's gradients differ from the plain ones.
TEST(AdaScale, SeesTheGradientsOfSam) {
  const torch::Tensor w = doubles({1, -2}).requires_grad_();
  class Quartic : public GradientSource {
   public:
    explicit Quartic(torch::Tensor w) : w_(std::move(w)) {}
    int64_t local_replicas() const override { return 2; }
    int64_t replicas() const override { return 2; }
    void all_reduce_sum(at::TensorList) override {}
    static torch::Tensor gradient(const torch::Tensor& w, int64_t i) {
      return 4 * doubles({1.0 + static_cast<double>(i), 2}) * w.pow(3);
    }
    Evaluation evaluate(int64_t i, Pass) override {
      w_.mutable_grad() = gradient(w_.detach(), i);
      return {.loss = 1, .samples = 1};
    }
    torch::Tensor w_;
  } source(w);
  std::vector<torch::Tensor> by_hand;
  for (int64_t i = 0; i < 2; ++i) {
    const torch::Tensor g = Quartic::gradient(w.detach(), i);
    by_hand.push_back(Quartic::gradient(w.detach() + 0.1 * g / g.norm(), i));
  }
  const StepReport report =
      make_step({w}, {.sam = SamOptions{.rho = 0.1}, .adascale = AdaScaleOptions{}})->step(source);
  EXPECT_NEAR(report.metrics.at("variance"), see(by_hand).moments.variance, 1e-6);
  EXPECT_NEAR(report.progress, see(by_hand).gain, 1e-9);
  EXPECT_EQ(report.evaluations, 4);
}

TEST(AdaScale, ClippingComesAfterObserving) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  GradientList source({w}, {{kFour[0]}, {kFour[1]}, {kFour[2]}, {kFour[3]}});
  const StepReport report = make_step({w}, {.lr = 1,
                                            .momentum = 0,
                                            .nesterov = false,
                                            .weight_decay = 0,
                                            .clip_norm = 0.5,
                                            .adascale = AdaScaleOptions{}})
                                ->step(source);
  EXPECT_NEAR(report.progress, 1.411765, 1e-6);
  EXPECT_NEAR(w.detach().norm().item<double>(), 0.5 * report.progress, 1e-6);
}

// Momentum's buffer holds plain gradients: the learning rate is scaled, not the gradient.
TEST(AdaScale, MomentumKeepsUnscaledGradients) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  const auto step = make_step({w}, {.lr = 1,
                                    .momentum = 0.5,
                                    .nesterov = false,
                                    .weight_decay = 0,
                                    .adascale = AdaScaleOptions{.smoothing = 0}});
  GradientList orthogonal({w}, {{doubles({2, 0})}, {doubles({0, 2})}}),
      same({w}, {{doubles({1, 1})}, {doubles({1, 1})}});
  step->step(orthogonal);  // r = 2, buffer (1, 1)
  EXPECT_NEAR(w[0].item<double>(), -2, 1e-9);
  step->step(same);  // r = 1, buffer 0.5 (1, 1) + (1, 1)
  EXPECT_NEAR(w[0].item<double>(), -2 - 1.5, 1e-5);
}

// With Adam the gradients are divided by √v̂ + ε, from the sixth step on.
TEST(AdaScale, AdamDividesGradientsFirst) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  const auto step = make_step({w}, {.kind = "adam",
                                    .lr = 0.01,
                                    .weight_decay = 0,
                                    .adascale = AdaScaleOptions{.smoothing = 0, .power = 0.5}});
  GradientList source({w}, {{doubles({100, 1})}, {doubles({100, -1})}});
  std::vector<StepReport> reports;
  for (int i = 0; i < 6; ++i) reports.push_back(step->step(source));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(reports[static_cast<size_t>(i)].progress, 1);
  // The second coordinate has mean 0, so v̂ = 0 there and noise / ε is all that counts.
  EXPECT_NEAR(reports[5].progress, 2, 1e-3);
  EXPECT_NEAR(reports[5].lr_factor, std::sqrt(reports[5].progress), 1e-12);
  EXPECT_NEAR(see({doubles({100, 1}), doubles({100, -1})}).gain, 1, 1e-3);  // undivided: hardly any noise
}

TEST(AdaScale, StateSurvivesSaveAndLoad) {
  for (MomentEstimator estimator : {MomentEstimator::replicas, MomentEstimator::difference}) {
    const auto run = [&](bool reload) {
      const torch::Tensor w = torch::ones({3}).requires_grad_();
      const OptimizerOptions options{.lr = 0.1,
                                     .adascale = AdaScaleOptions{.scale = 4, .estimator = estimator}};
      auto step = make_step({w}, options);
      at::Generator generator = nn::generator(core::Seed(2));
      double tau = 0;
      for (int i = 0; i < 20; ++i) {
        if (reload && i == 7) {
          auto fresh = make_step({w}, options);
          transfer(*step, *fresh);
          step = std::move(fresh);
        }
        GradientList::Gradients gradients{{torch::randn({3}, generator)}};
        if (estimator == MomentEstimator::replicas) gradients.push_back({torch::randn({3}, generator)});
        GradientList source({w}, gradients);
        tau += step->step(source).progress;
      }
      return std::make_pair(w.detach().clone(), tau);
    };
    const auto whole = run(false), resumed = run(true);
    EXPECT_TRUE(torch::equal(whole.first, resumed.first));
    EXPECT_EQ(whole.second, resumed.second);
    EXPECT_GT(whole.second, 20);
  }
}

TEST(AdaScale, SumsInDoublePrecision) {
  const torch::Tensor g = torch::full({10'000'000}, 0.1f);
  const double exact = 1e7 * static_cast<double>(0.1f) * static_cast<double>(0.1f);
  EXPECT_NEAR(squared_norm({g}).item<double>(), exact, 1e-6 * exact);
  EXPECT_NEAR(squared_norm({g.slice(0, 0, 1000).to(torch::kBFloat16)}).item<double>(), 10, 0.1);
  const torch::Tensor strided = torch::arange(12.0, torch::kFloat64).view({3, 4}).slice(1, 0, 2);
  EXPECT_DOUBLE_EQ(squared_norm({strided}).item<double>(), 0 + 1 + 16 + 25 + 64 + 81);
}

OptimizerOptions plain_sgd(double lr) {
  return {.lr = lr, .momentum = 0, .nesterov = false, .weight_decay = 0};
}

TEST(StandaloneAdaScale, EqualsTheComposedStep) {
  for (Accumulation accumulation : {Accumulation::sum, Accumulation::mean}) {
    const torch::Tensor a = doubles({0, 0}).requires_grad_(), b = doubles({0, 0}).requires_grad_();
    const auto composed = make_step({a}, [] {
      OptimizerOptions options = plain_sgd(0.1);
      options.adascale = AdaScaleOptions{};
      return options;
    }());
    const auto sgd = make_optimizer({b}, plain_sgd(0.1));
    StandaloneAdaScale adascale(*sgd, {}, accumulation);
    for (int step = 0; step < 5; ++step) {
      std::vector<torch::Tensor> gradients;
      for (const torch::Tensor& g : kFour) gradients.push_back(g * (1 + step) - step);
      GradientList source({a}, {{gradients[0]}, {gradients[1]}, {gradients[2]}, {gradients[3]}});
      composed->step(source);
      sgd->zero_grad();
      for (const torch::Tensor& g : gradients) {
        ((b * g).sum() / (accumulation == Accumulation::mean ? 4 : 1)).backward();
        adascale.end_micro_batch();
      }
      EXPECT_GT(adascale.step(), 1);
    }
    EXPECT_TRUE(torch::allclose(a, b, 1e-12, 1e-12));
  }
}

TEST(StandaloneAdaScale, RefusesToBeSavedInTheMiddleOfAStep) {
  const torch::Tensor w = doubles({0, 0}).requires_grad_();
  const auto sgd = make_optimizer({w}, plain_sgd(0.1));
  StandaloneAdaScale adascale(*sgd, {}), other(*sgd, {});
  EXPECT_THROW(adascale.step(), InputError);
  EXPECT_THROW(adascale.end_micro_batch(), InputError);  // no backward
  for (const torch::Tensor& g : {kFour[0], kFour[1]}) {
    (w * g).sum().backward();
    adascale.end_micro_batch();
    torch::serialize::OutputArchive archive;
    EXPECT_THROW(adascale.save(archive), Error);
  }
  const double gain = adascale.step();
  transfer(adascale, other);
  EXPECT_EQ(other.progress(), gain);
}

TEST(StandaloneAdaScale, TakesSparseGradients) {
  torch::nn::Embedding table(torch::nn::EmbeddingOptions(10, 2).sparse(true));
  torch::optim::SGD sgd(table->parameters(), 0.1);
  StandaloneAdaScale adascale(sgd, {});
  sgd.zero_grad();
  for (int64_t row : {3, 5}) {
    table(torch::tensor({row})).sum().backward();
    adascale.end_micro_batch();
  }
  EXPECT_NEAR(adascale.step(), 2, 1e-6);  // different rows: orthogonal
}

TEST(BatchScaling, TheFourRules) {
  const auto factor = [](ScalingRule rule, double share) {
    return BatchScaling({.scale = 16, .rule = rule, .warmup = 0.1}).factor(0, share);
  };
  EXPECT_EQ(factor(ScalingRule::none, 0.5), 1);
  EXPECT_EQ(factor(ScalingRule::sqrt, 0.5), 4);
  EXPECT_EQ(factor(ScalingRule::linear, 0), 16);
  EXPECT_EQ(factor(ScalingRule::linear_warmup, 0), 1);
  EXPECT_EQ(factor(ScalingRule::linear_warmup, 0.05), 1 + 15 * 0.5);
  EXPECT_EQ(factor(ScalingRule::linear_warmup, 0.5), 16);
  EXPECT_EQ(BatchScaling({.scale = 16}).progress(), 16);
  EXPECT_THROW(BatchScaling({.scale = 0.5}), InputError);
}

TEST(OptimizerOptions, ReadsAdaScaleAndRefusesTwoScalings) {
  const auto options = [](const std::string& toml) { return optimizer_options(core::Config::parse(toml)); };
  EXPECT_EQ(options("[adascale]").adascale->scale, 0);
  EXPECT_EQ(options("[adascale]\nscale = 'auto'").adascale->scale, 0);
  EXPECT_EQ(options("[adascale]\nscale = 8").adascale->scale, 8);
  EXPECT_EQ(options("kind = 'adam'\n[adascale]").adascale->power, 0.5);
  EXPECT_EQ(testing_support::message_of<InputError>([&] { options("[adascale]\nscale = 0.5"); }),
            "adascale.scale must be auto or a number at least 1, got 0.5 (configuration:2)");
  EXPECT_EQ(options("[scaling]\nscale = 4\nrule = 'sqrt'").scaling->rule, ScalingRule::sqrt);
  const torch::Tensor w = doubles({0}).requires_grad_();
  EXPECT_THROW(make_step({w}, options("[adascale]\n[scaling]\nscale = 4")), InputError);
}

}  // namespace
}  // namespace lathe::optim
