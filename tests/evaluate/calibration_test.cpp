#include "lathe/evaluate/calibration.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lathe/core/error.h"

namespace lathe::evaluate {
namespace {

at::Generator seeded(uint64_t seed) {
  return at::make_generator<at::CPUGeneratorImpl>(seed);
}

at::Tensor classes(std::vector<int64_t> values) {
  return torch::tensor(values, torch::kInt64);
}

// Five bins of width 0.2: 0.55 and 0.59 share (0.4, 0.6], 0.7 and 0.75 share (0.6, 0.8], 0.9 is alone.
TEST(CalibrationError, MatchesACalculationByHand) {
  const at::Tensor p =
      torch::tensor({{0.55, 0.45}, {0.41, 0.59}, {0.7, 0.3}, {0.75, 0.25}, {0.9, 0.1}}, torch::kFloat64);
  const at::Tensor targets = classes({0, 0, 1, 0, 0});
  // gaps: |1 − 1.14|, |1 − 1.45|, |1 − 0.9|
  EXPECT_NEAR(expected_calibration_error(p.log(), targets, 5), (0.14 + 0.45 + 0.1) / 5, 1e-12);
  // One bin: |3 right − 3.49 expected|.
  EXPECT_NEAR(expected_calibration_error(p.log(), targets, 1), 0.49 / 5, 1e-12);
}

// Equal logits give exactly 0.5, which belongs to (0, 0.5] and not to 0.75's bin.
TEST(CalibrationError, ABinHoldsItsUpperEdge) {
  const at::Tensor logits = torch::tensor({{0.0, 0.0}, {std::log(3.0), 0.0}}, torch::kFloat64);
  EXPECT_NEAR(expected_calibration_error(logits, classes({1, 0}), 2), (0.5 + 0.25) / 2, 1e-12);
}

TEST(CalibrationError, ASureModelIsAsWrongAsItsErrors) {
  const at::Tensor logits = torch::tensor({{90.0, 0.0}, {90.0, 0.0}, {90.0, 0.0}, {90.0, 0.0}});
  EXPECT_NEAR(expected_calibration_error(logits, classes({0, 0, 0, 0})), 0, 1e-12);
  EXPECT_NEAR(expected_calibration_error(logits, classes({0, 1, 0, 0})), 0.25, 1e-12);
}

// Confidences 0.95, 0.95, 0.55, 0.05, of which the second and the last are wrong, in twenty bins:
// (|1 − 1.9| + |1 − 0.55| + |0 − 0.05|) / 4. A confidence of 1 is in the last bin.
TEST(CalibrationError, OfTwentyClasses) {
  at::Tensor p = torch::empty({4, 20}, torch::kFloat64);
  for (const auto& [row, confidence] : {std::pair{0, 0.95}, {1, 0.95}, {2, 0.55}, {3, 0.05}}) {
    p[row].fill_((1 - confidence) / 19);
    p[row][0] = confidence;
  }
  EXPECT_NEAR(expected_calibration_error(p.log(), classes({0, 1, 0, 1}), 20), 0.35, 1e-12);
  const at::Tensor sure = torch::tensor({{1e4, 0.0}}, torch::kFloat64);
  EXPECT_EQ(reliability_curve(sure, classes({0}), 20).back().count, 1);
}

TEST(CalibrationError, MatchesBruteForceOverBins) {
  const int64_t n = 20000, k = 10, bins = 15;
  const at::Tensor logits = 2 * torch::randn({n, k}, seeded(1), torch::kFloat64);
  const at::Tensor targets = torch::randint(k, {n}, seeded(2), torch::kInt64);
  const auto [confidence, prediction] = logits.softmax(1).max(1);
  const at::Tensor right = prediction.eq(targets).to(torch::kFloat64);
  double expected = 0;
  for (int64_t m = 1; m <= bins; ++m) {
    const at::Tensor in = confidence.gt((m - 1.0) / bins).logical_and(confidence.le(double(m) / bins));
    const double count = in.sum().item<double>();
    if (count == 0) continue;
    const double accuracy = right.masked_select(in).mean().item<double>();
    expected += count / n * std::abs(accuracy - confidence.masked_select(in).mean().item<double>());
  }
  EXPECT_NEAR(expected_calibration_error(logits, targets), expected, 1e-12);
}

// Targets drawn from the model's own probabilities: calibrated up to the draw's noise.
TEST(CalibrationError, IsSmallWhereTheProbabilitiesAreTrue) {
  const at::Tensor logits = 2 * torch::randn({200000, 4}, seeded(3), torch::kFloat64);
  const at::Tensor targets = logits.softmax(1).multinomial(1, true, seeded(4)).squeeze(1);
  EXPECT_LT(expected_calibration_error(logits, targets), 0.01);
  EXPECT_GT(expected_calibration_error(3 * logits, targets), 0.1);
}

TEST(CalibrationError, RejectsWhatDoesNotFit) {
  const at::Tensor logits = torch::zeros({4, 2}), targets = torch::zeros({4}, torch::kInt64);
  EXPECT_THROW(expected_calibration_error(logits[0], targets), InputError);
  EXPECT_THROW(expected_calibration_error(logits.to(torch::kInt64), targets), InputError);
  EXPECT_THROW(expected_calibration_error(logits, targets.slice(0, 1)), InputError);
  EXPECT_THROW(expected_calibration_error(logits, targets.to(torch::kInt32)), InputError);
  EXPECT_THROW(expected_calibration_error(logits.slice(0, 0, 0), targets.slice(0, 0, 0)), InputError);
  EXPECT_THROW(expected_calibration_error(logits, targets + 2), InputError);
  EXPECT_THROW(expected_calibration_error(logits, targets, 0), InputError);
  EXPECT_THROW(expected_calibration_error(torch::full({4, 2}, std::nan("")), targets), InputError);
}

TEST(ReliabilityCurve, HoldsCountsAndMeans) {
  const at::Tensor p =
      torch::tensor({{0.55, 0.45}, {0.41, 0.59}, {0.7, 0.3}, {0.75, 0.25}, {0.9, 0.1}}, torch::kFloat64);
  const auto curve = reliability_curve(p.log(), classes({0, 0, 1, 0, 0}), 5);
  ASSERT_EQ(curve.size(), 5u);
  EXPECT_EQ(curve[0].count, 0);
  EXPECT_EQ(curve[2].count, 2);
  EXPECT_NEAR(curve[2].confidence, 0.57, 1e-12);
  EXPECT_NEAR(curve[2].accuracy, 0.5, 1e-12);
  EXPECT_NEAR(curve[3].confidence, 0.725, 1e-12);
}

struct Draws {
  at::Tensor logits, targets;
};
Draws calibrated(int64_t n, int64_t k, uint64_t seed) {
  const at::Tensor logits = 2 * torch::randn({n, k}, seeded(seed), torch::kFloat64);
  return {logits, logits.softmax(1).multinomial(1, true, seeded(seed + 1)).squeeze(1)};
}

double nll(const at::Tensor& logits, const at::Tensor& targets) {
  return torch::nll_loss(logits.to(torch::kFloat64).log_softmax(1), targets).item<double>();
}

// Computed in float64 by automatic differentiation, and the optimum that the draw's own temperature suggests.
TEST(Temperature, MakesTheDerivativeVanish) {
  const Draws draws = calibrated(20000, 12, 11);
  for (const at::Tensor& logits : {draws.logits, draws.logits.to(torch::kFloat32)}) {
    const double fitted = fit_temperature(LogitRows(logits), draws.targets);
    EXPECT_NEAR(fitted, 1, 0.02);
    const at::Tensor log_t = torch::tensor(std::log(fitted), torch::kFloat64).requires_grad_();
    torch::nll_loss((logits.to(torch::kFloat64) / log_t.exp()).log_softmax(1), draws.targets).backward();
    EXPECT_LT(std::abs(log_t.grad().item<double>()), 1e-6);
  }
}

TEST(Temperature, ScalesWithTheLogits) {
  const Draws draws = calibrated(3000, 5, 21);
  const double one = fit_temperature(LogitRows(draws.logits), draws.targets);
  for (double c : {0.02, 0.5, 3.0, 100.0})
    EXPECT_NEAR(fit_temperature(LogitRows(c * draws.logits), draws.targets), c * one, 1e-5 * c);
  EXPECT_NEAR(temperature_scaling(draws.logits, draws.targets).weights[0], 1 / one, 1e-12);
}

TEST(Temperature, IsOneWhereNllHasNoMinimum) {
  EXPECT_EQ(fit_temperature(LogitRows(torch::eye(4)), torch::arange(4)), 1);
  const double infinity = std::numeric_limits<double>::infinity();
  const at::Tensor excluded = torch::tensor({{0.0, 1.0, -infinity}, {3.0, 1.0, -infinity}, {2.0, 1.0, 0.0}});
  EXPECT_TRUE(std::isfinite(fit_temperature(LogitRows(excluded), classes({0, 0, 2}))));
}

TEST(Platt, FindsTheSigmoidThatDrewTheLabels) {
  const int64_t n = 50000;
  const at::Tensor f = 2 * torch::randn({n}, seeded(31), torch::kFloat64);
  const at::Tensor targets =
      torch::rand({n}, seeded(32), torch::kFloat64).lt(torch::sigmoid(1.7 * f - 0.6)).to(torch::kInt64);
  const at::Tensor logits = torch::stack({torch::zeros({n}, torch::kFloat64), f}, 1);
  const Scaling scaling = platt_scaling(logits, targets);
  EXPECT_NEAR(scaling.weights[0], 1.7, 0.05);
  EXPECT_NEAR(scaling.biases[1], -0.6, 0.05);
  EXPECT_LT(nll(apply(scaling, logits), targets), nll(logits, targets));
}

// Separable: plain maximum likelihood diverges, Platt's targets keep it finite.
TEST(Platt, StaysFiniteOnSeparableData) {
  const at::Tensor logits =
      torch::tensor({{0.0, -2.0}, {0.0, -1.0}, {0.0, 1.0}, {0.0, 2.0}}, torch::kFloat64);
  const at::Tensor targets = classes({0, 0, 1, 1});
  const Scaling scaling = platt_scaling(logits, targets);
  EXPECT_GT(scaling.weights[0], 0.1);
  EXPECT_LT(scaling.weights[0], 10);
  // By symmetry b = 0, and the slope solves Σ f (t − p) = 0 with t = 3/4.
  EXPECT_NEAR(scaling.biases[1], 0, 1e-6);
  const double w = scaling.weights[0], p1 = 1 / (1 + std::exp(-w)), p2 = 1 / (1 + std::exp(-2 * w));
  EXPECT_NEAR((0.75 - p1) + 2 * (0.75 - p2), 0, 1e-6);
  EXPECT_THROW(platt_scaling(torch::zeros({2, 3}), classes({0, 1})), InputError);
}

TEST(VectorScaling, UndoesADistortion) {
  const Draws draws = calibrated(30000, 4, 41);
  const at::Tensor weights = torch::tensor({0.5, 1.0, 2.0, 1.5}, torch::kFloat64),
                   biases = torch::tensor({0.3, -0.5, 0.7, -0.5}, torch::kFloat64);
  const at::Tensor distorted = (draws.logits - biases) / weights;
  const Scaling scaling = vector_scaling(distorted, draws.targets);
  for (int64_t k = 0; k < 4; ++k) {
    EXPECT_NEAR(scaling.weights[static_cast<size_t>(k)], weights[k].item<double>(), 0.06);
    EXPECT_NEAR(scaling.biases[static_cast<size_t>(k)], biases[k].item<double>(), 0.06);
  }
  EXPECT_LT(nll(apply(scaling, distorted), draws.targets), nll(draws.logits, draws.targets) + 1e-9);
}

TEST(ScalingTest, GoesThroughJsonAndRefusesGarbage) {
  const Scaling scaling{{1.5, 0.25}, {0.1, -3}};
  const Scaling read = scaling_from_json(nlohmann::json::parse(to_json(scaling).dump()));
  EXPECT_EQ(read.weights, scaling.weights);
  EXPECT_EQ(read.biases, scaling.biases);
  for (const char* text : {"null", "[]", "{}", R"({"weights": [1]})", R"({"weights": ["x"], "biases": []})",
                           R"({"weights": [], "biases": []})", R"({"weights": [1, 2], "biases": [1]})"})
    EXPECT_THROW(scaling_from_json(nlohmann::json::parse(text)), InputError) << text;
  EXPECT_THROW(apply(scaling, torch::zeros({2, 3})), InputError);
  EXPECT_EQ(apply({{2}}, torch::ones({2, 3})).sum().item<double>(), 12);
}

}  // namespace
}  // namespace lathe::evaluate
