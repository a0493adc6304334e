#include "lathe/train/invariance/penalties.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"
#include "lathe/train/invariance/group_dro.h"

namespace lathe::train::invariance {
namespace {

torch::Tensor doubles(const std::vector<double>& values) {
  return torch::tensor(values, torch::kFloat64);
}
torch::Tensor integers(const std::vector<int64_t>& values) {
  return torch::tensor(values, torch::kInt64);
}
torch::Tensor random(std::vector<int64_t> shape, uint64_t seed) {
  return torch::randn(shape, nn::generator(core::Seed(seed)), torch::kFloat64);
}
double item(const torch::Tensor& scalar) {
  return scalar.item<double>();
}

// A batch of 24 samples of 3 classes and 2 parts in which all cells have samples, and their logits.
const torch::Tensor kTargets = torch::arange(24).remainder(3);
const torch::Tensor kParts = torch::arange(24).floor_divide(3).remainder(4).eq(0).to(torch::kInt64);
torch::Tensor logits() {
  return random({24, 3}, 5);
}
Parts by_class() {
  return parts_of(kTargets, kParts, 3, 2);
}
Parts together() {
  return parts_of(kParts, 2);
}
torch::Tensor losses_of(const torch::Tensor& logits) {
  return torch::cross_entropy_loss(logits, kTargets, {}, at::Reduction::None);
}

// Central differences of a scalar function against its gradient.
void expect_gradient(const std::function<torch::Tensor(const torch::Tensor&)>& f, const torch::Tensor& at) {
  torch::Tensor x = at.clone().requires_grad_();
  f(x).backward();
  const torch::Tensor flat = at.reshape({-1});
  for (int64_t i = 0; i < flat.size(0); ++i) {
    torch::Tensor up = flat.clone(), down = flat.clone();
    up[i] += 1e-5;
    down[i] -= 1e-5;
    const double slope = item(f(up.view(at.sizes())) - f(down.view(at.sizes()))) / 2e-5;
    ASSERT_NEAR(item(x.grad().reshape({-1})[i]), slope, 1e-7) << "coordinate " << i;
  }
}

// By hand: Σ_k p̄_1 ln(p̄_1 / p̄_0) = 0.5 ln(5/7) + 0.3 ln(3/2) + 0.2 ln 2.
TEST(PgiPenalty, MatchesTheDivergenceByHand) {
  const torch::Tensor p = torch::stack({doubles({.8, .1, .1}), doubles({.6, .3, .1}), doubles({.5, .3, .2})});
  const Penalty penalty = pgi_penalty(p, parts_of(integers({0, 0, 0}), integers({0, 0, 1}), 1, 2));
  EXPECT_NEAR(item(penalty.value), 0.030678, 5e-7);
  EXPECT_NEAR(3 * item(penalty.value), 0.092033, 5e-7);
  EXPECT_EQ(penalty.active.item<int64_t>(), 1);
}

TEST(PgiPenalty, EqualPartsCostNothingAndPushNowhere) {
  torch::Tensor z = random({4, 3}, 1);
  z = torch::cat({z, z}).requires_grad_();
  const Penalty penalty =
      pgi_penalty(torch::softmax(z, 1),
                  parts_of(integers({0, 0, 0, 0, 0, 0, 0, 0}), integers({0, 0, 0, 0, 1, 1, 1, 1}), 1, 2));
  EXPECT_NEAR(item(penalty.value), 0, 1e-15);
  penalty.value.backward();
  // The mean's gradient is (1, −1)/K times the same for all classes, which softmax takes away; what is left
  // for single samples that differ from their part's mean cancels over the part.
  EXPECT_NEAR(item(z.grad().sum(0).abs().max()), 0, 1e-15);
  EXPECT_NEAR(item(z.grad().abs().max()), 0, 1e-15);
}

TEST(PgiPenalty, GradientMatchesFiniteDifferences) {
  expect_gradient([](const torch::Tensor& z) { return pgi_penalty(torch::softmax(z, 1), by_class()).value; },
                  logits());
}

TEST(PgiPenalty, AClassWithOnePartAddsNothing) {
  const torch::Tensor p = torch::softmax(logits(), 1);
  torch::Tensor parts = kParts.clone();
  parts.masked_fill_(kTargets.eq(2), 1);
  const Penalty without = pgi_penalty(p, parts_of(kTargets, parts, 3, 2));
  EXPECT_EQ(without.active.item<int64_t>(), 2);
  const torch::Tensor rest = kTargets.ne(2).nonzero().squeeze(1);
  const auto of_rest = [&](Reduction reduction) {
    return pgi_penalty(p.index_select(0, rest),
                       parts_of(kTargets.index_select(0, rest), parts.index_select(0, rest), 2, 2), reduction)
        .value;
  };
  EXPECT_NEAR(item(without.value), item(of_rest(Reduction::sum)), 1e-15);
  EXPECT_NEAR(item(pgi_penalty(p, parts_of(kTargets, parts, 3, 2), Reduction::mean).value),
              item(of_rest(Reduction::mean)), 1e-15)
      << "the mean is over the classes that have a pair";
}

TEST(PgiPenalty, NoPairAtAllIsZeroWithZeroGradient) {
  torch::Tensor z = logits().requires_grad_();
  const Penalty penalty =
      pgi_penalty(torch::softmax(z, 1), parts_of(kTargets, torch::zeros_like(kParts), 3, 2), Reduction::mean);
  EXPECT_EQ(item(penalty.value), 0);
  penalty.value.backward();
  EXPECT_EQ(item(z.grad().abs().max()), 0);
}

TEST(PgiPenalty, SaturatedPredictionsStayFinite) {
  torch::Tensor z = torch::zeros({4, 3}, torch::kFloat64);
  z.select(1, 0).narrow(0, 0, 2).fill_(800);
  z.select(1, 1).narrow(0, 2, 2).fill_(800);
  z.requires_grad_();
  const Penalty penalty =
      pgi_penalty(torch::softmax(z, 1), parts_of(integers({0, 0, 0, 0}), integers({0, 0, 1, 1}), 1, 2));
  EXPECT_NEAR(item(penalty.value), std::log(1e12) / 3, 1e-9);
  penalty.value.backward();
  EXPECT_TRUE(z.grad().isfinite().all().item<bool>());
}

// Three parts: the later ones, each against the first.
TEST(PgiPenalty, ManyPartsAreComparedWithTheFirst) {
  const torch::Tensor p = torch::softmax(logits(), 1), three = torch::arange(24).floor_divide(3).remainder(3);
  double sum = 0;
  for (int64_t e : {1, 2}) {
    const torch::Tensor pair = three.eq(0).logical_or(three.eq(e)).nonzero().squeeze(1);
    sum += item(pgi_penalty(p.index_select(0, pair),
                            parts_of(kTargets.index_select(0, pair), three.index_select(0, pair).ne(0), 3, 2))
                    .value);
  }
  EXPECT_NEAR(item(pgi_penalty(p, parts_of(kTargets, three, 3, 3)).value), sum, 1e-14);
}

// By hand: logits (2, 0), label 0: ∂ℓ/∂w = (2 (p − 1), 0) with p = 0.880797.
TEST(IrmPenalty, MatchesTheGradientByHand) {
  const torch::Tensor z = doubles({2, 0}).view({1, 2});
  const torch::Tensor g = dummy_gradients(z, integers({0}), DummyScale::vector);
  EXPECT_NEAR(item(g.square().sum()), 0.056837, 5e-7);
  EXPECT_NEAR(item(g[0][1]), 0, 1e-15);
}

// autograd through w, as IRM is usually written.
TEST(IrmPenalty, EqualsAutogradThroughTheDummyScale) {
  const torch::Tensor z = logits();
  for (const DummyScale scale : {DummyScale::vector, DummyScale::scalar}) {
    double sum = 0;
    for (int64_t e = 0; e < 2; ++e) {
      const torch::Tensor members = kParts.eq(e).nonzero().squeeze(1);
      torch::Tensor w = torch::ones({scale == DummyScale::vector ? 3 : 1}, torch::kFloat64).requires_grad_();
      torch::cross_entropy_loss(z.index_select(0, members) * w, kTargets.index_select(0, members)).backward();
      sum += item(w.grad().square().sum()) / 2;
    }
    EXPECT_NEAR(item(irm_penalty(z, kTargets, together(), {.scale = scale}).value), sum, 1e-14);
  }
}

TEST(IrmPenalty, HalvesMultiplyEverySecondSample) {
  const torch::Tensor z = logits();
  const torch::Tensor g = dummy_gradients(z, kTargets, DummyScale::vector);
  double sum = 0;
  for (int64_t e = 0; e < 2; ++e) {
    const torch::Tensor of_part = g.index_select(0, kParts.eq(e).nonzero().squeeze(1));
    sum += item((of_part.slice(0, 0, c10::nullopt, 2).mean(0) * of_part.slice(0, 1, c10::nullopt, 2).mean(0))
                    .sum()) /
           2;
  }
  EXPECT_NEAR(item(irm_penalty(z, kTargets, together(), {.norm = SquaredNorm::halves}).value), sum, 1e-14);
}

// E‖ĝ‖² = ‖g‖² + Var/n: over all pairs of draws the squared norm is too large, the halves are not.
TEST(IrmPenalty, OnlyHalvesAreUnbiased) {
  const torch::Tensor z = random({6, 3}, 9), y = integers({0, 1, 2, 0, 1, 2});
  const double truth = item(dummy_gradients(z, y, DummyScale::vector).mean(0).square().sum());
  double squared = 0, halves = 0;
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t j = 0; j < 6; ++j) {
      // The same draw as both parts, so that the penalty is that of one.
      const torch::Tensor draw = integers({i, j, i, j});
      const Parts parts = parts_of(integers({0, 0, 1, 1}), 2);
      const auto value = [&](SquaredNorm norm) {
        return item(
            irm_penalty(z.index_select(0, draw), y.index_select(0, draw), parts, {.norm = norm}).value);
      };
      squared += value(SquaredNorm::squared) / 36;
      halves += value(SquaredNorm::halves) / 36;
    }
  EXPECT_NEAR(halves, truth, 1e-14);
  EXPECT_GT(squared, truth + 1e-3);
}

TEST(Penalties, GradientsMatchFiniteDifferences) {
  for (const Parts& parts : {by_class(), together()}) {
    expect_gradient([&](const torch::Tensor& z) { return irm_penalty(z, kTargets, parts).value; }, logits());
    expect_gradient([&](const torch::Tensor& z) { return rex_penalty(losses_of(z), parts).value; }, logits());
    expect_gradient([&](const torch::Tensor& f) { return mmd_penalty(f, parts).value; }, random({24, 4}, 6));
  }
}

// The class-conditional penalty is the mean of the classes' own.
TEST(Penalties, ClassConditionalIsTheMeanOverClasses) {
  const torch::Tensor z = logits(), losses = losses_of(z), features = random({24, 4}, 6);
  double irm = 0, rex = 0, mmd = 0;
  for (int64_t c = 0; c < 3; ++c) {
    const torch::Tensor members = kTargets.eq(c).nonzero().squeeze(1);
    const Parts parts = parts_of(kParts.index_select(0, members), 2);
    irm += item(irm_penalty(z.index_select(0, members), kTargets.index_select(0, members), parts).value) / 3;
    rex += item(rex_penalty(losses.index_select(0, members), parts).value) / 3;
    mmd += item(mmd_penalty(features.index_select(0, members), parts).value) / 3;
  }
  EXPECT_NEAR(item(irm_penalty(z, kTargets, by_class()).value), irm, 1e-14);
  EXPECT_NEAR(item(rex_penalty(losses, by_class()).value), rex, 1e-14);
  EXPECT_NEAR(item(mmd_penalty(features, by_class()).value), mmd, 1e-14);
}

TEST(RexPenalty, IsHalfTheSquaredDifferenceFromTheMean) {
  const torch::Tensor losses = doubles({1, 2, 3, 7});
  const Parts parts = parts_of(integers({0, 0, 0, 1}), 2);
  EXPECT_DOUBLE_EQ(item(rex_penalty(losses, parts).value), 0.5 * (2.5 * 2.5 + 2.5 * 2.5));
  EXPECT_DOUBLE_EQ(item(rex_penalty(doubles({4, 4, 4, 4}), parts).value), 0);
  EXPECT_DOUBLE_EQ(item(rex_penalty(losses, parts_of(integers({0, 0, 0, 0}), 2)).value), 0)
      << "one part only";
  EXPECT_DOUBLE_EQ(item(rex_penalty(doubles({1, 3, 5}), parts_of(integers({0, 2, 1}), 4)).value), 8.0 / 3)
      << "the empty fourth part does not count";
}

TEST(MmdPenalty, MatchesTheKernelSumsByHand) {
  const torch::Tensor f = doubles({0, 0, 3, 4, 6, 8}).view({3, 2});  // distances 5, 10, 5
  const auto kernel = [](double d) {
    return (std::exp(-d * d / 2) + std::exp(-d * d / 50) + std::exp(-d * d / 200)) / 3;
  };
  const double xx = (1 + kernel(5)) / 2, yy = 1, xy = (kernel(10) + kernel(5)) / 2;
  EXPECT_NEAR(item(mmd_penalty(f, parts_of(integers({0, 0, 1}), 2)).value), xx + yy - 2 * xy, 1e-12);
  const torch::Tensor twice = torch::cat({f, f});
  EXPECT_NEAR(item(mmd_penalty(twice, parts_of(integers({0, 0, 0, 1, 1, 1}), 2)).value), 0, 1e-14);
}

TEST(BalancedMean, AnEmptyPartLeavesTheOtherItsHalf) {
  const torch::Tensor losses = doubles({1, 3, 8});
  EXPECT_DOUBLE_EQ(item(balanced_mean(losses, integers({0, 0, 1}), 2)), 0.5 * 2 + 0.5 * 8);
  EXPECT_DOUBLE_EQ(item(balanced_mean(losses, integers({0, 0, 0}), 2)), 0.5 * 4);
  EXPECT_DOUBLE_EQ(item(balanced_mean(losses, integers({1, 1, 1}), 2)), 0.5 * 4);
}

TEST(ReweightedMean, WeighsTheMajorityDown) {
  const torch::Tensor losses = doubles({1, 3, 8});
  EXPECT_DOUBLE_EQ(item(reweighted_mean(losses, integers({0, 0, 1}), 1)), (0.5 * 4 + 8) / 2);
  EXPECT_DOUBLE_EQ(item(reweighted_mean(losses, integers({0, 0, 1}), 0)), 4);
}

TEST(GroupDro, WithoutRateWeightsStayEqual) {
  GroupDro dro(integers({80, 20}).view({1, 2}), {});
  const Parts parts = parts_of(integers({0, 0, 1}), 2);
  const GroupDro::Step step = dro.step(doubles({1, 3, 8}), parts, 0);
  dro.update(step.exponents);
  EXPECT_DOUBLE_EQ(item(dro.weights()[0][0]), 0.5);
  EXPECT_DOUBLE_EQ(item(step.loss), 0.5 * 2 + 0.5 * 8);
}

// q_e ∝ exp(rate · r_e), by hand, for both scales of the risk and with the adjustment.
TEST(GroupDro, WeightsGrowWithTheRisk) {
  const Parts parts = parts_of(integers({0, 0, 1}), 2);
  const torch::Tensor sizes = integers({64, 16}).view({1, 2}), losses = doubles({1, 3, 8});
  const auto expect = [&](GroupDroOptions options, double r0, double r1) {
    GroupDro dro(sizes, options);
    double q0 = 0.5, q1 = 0.5;
    for (int i = 0; i < 3; ++i) {
      const GroupDro::Step step = dro.step(losses, parts, 0.3);
      dro.update(step.exponents);
      q0 *= std::exp(0.3 * r0);
      q1 *= std::exp(0.3 * r1);
      const double sum = q0 + q1;
      q0 /= sum;
      q1 /= sum;
      EXPECT_NEAR(item(dro.weights()[0][1]), q1, 1e-14);
      EXPECT_NEAR(item(step.loss), q0 * 2 + q1 * 8, 1e-13);
    }
  };
  expect({.risk = RiskScale::absolute}, 2, 8);
  expect({.risk = RiskScale::relative}, 0.2, 0.8);
  expect({.risk = RiskScale::absolute, .adjustment = 4}, 2 + 0.5, 8 + 1);
}

TEST(GroupDro, AClassWithOnePartMovesNothing) {
  GroupDro dro(torch::full({3, 2}, 10, torch::kInt64), {});
  torch::Tensor parts = kParts.clone();
  parts.masked_fill_(kTargets.eq(2), 0);
  const torch::Tensor losses = losses_of(logits());
  const GroupDro::Step step = dro.step(losses, parts_of(kTargets, parts, 3, 2), 1);
  dro.update(step.exponents);
  EXPECT_DOUBLE_EQ(item(dro.weights()[2][0]), 0.5);
  EXPECT_NE(item(dro.weights()[0][0]), 0.5);
  // Its loss is its plain mean.
  const torch::Tensor members = kTargets.eq(2).nonzero().squeeze(1);
  const GroupDro::Step alone =
      GroupDro(torch::full({1, 2}, 10, torch::kInt64), {})
          .step(losses.index_select(0, members), parts_of(torch::zeros({8}, torch::kInt64), 2), 1);
  EXPECT_NEAR(item(alone.loss), item(losses.index_select(0, members).mean()), 1e-14);
}

TEST(GroupDro, LargeExponentsStayFinite) {
  GroupDro dro(integers({1, 1}).view({1, 2}), {.risk = RiskScale::absolute});
  const Parts parts = parts_of(integers({0, 1}), 2);
  const GroupDro::Step step = dro.step(doubles({1000, 3000}), parts, 10);
  dro.update(step.exponents);
  EXPECT_DOUBLE_EQ(item(dro.weights()[0][1]), 1);
  EXPECT_DOUBLE_EQ(item(step.loss), 3000);
  EXPECT_THROW(dro.set_weights(doubles({0.5, 0.6}).view({1, 2})), Error);
  EXPECT_THROW(dro.set_weights(doubles({1}).view({1, 1})), Error);
}

}  // namespace
}  // namespace lathe::train::invariance
