#include "lathe/math/lbfgs.h"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"

namespace lathe::math {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// Sum of 100 (x_(i+1) - x_i²)² + (1 - x_i)²: minimum 0 at 1.
ValueAndGradient rosenbrock(const VectorXd& x) {
  ValueAndGradient at{0, VectorXd::Zero(x.size())};
  for (int64_t i = 0; i + 1 < x.size(); ++i) {
    const double bend = x(i + 1) - x(i) * x(i), rest = 1 - x(i);
    at.value += 100 * bend * bend + rest * rest;
    at.gradient(i) += -400 * x(i) * bend - 2 * rest;
    at.gradient(i + 1) += 200 * bend;
  }
  return at;
}

TEST(Lbfgs, Rosenbrock) {
  const LbfgsResult two = lbfgs(rosenbrock, Eigen::Vector2d(-1.2, 1), {.tolerance = 1e-8});
  EXPECT_EQ(two.reason, LbfgsStop::kConverged);
  EXPECT_LT((two.point - VectorXd::Ones(2)).norm(), 1e-7);
  EXPECT_LT(two.evaluations, 80);
  EXPECT_LE(two.gradient_norm, 1e-8);

  VectorXd start = VectorXd::Ones(100);
  for (int64_t i = 0; i < 100; i += 2) start(i) = -1.2;
  const LbfgsResult hundred = lbfgs(rosenbrock, start, {.tolerance = 1e-8});
  EXPECT_EQ(hundred.reason, LbfgsStop::kConverged);
  // The chained function has a second minimum near x_1 = -1; both have a zero gradient.
  EXPECT_LE(rosenbrock(hundred.point).gradient.cwiseAbs().maxCoeff(), 1e-8);
  EXPECT_NEAR((hundred.point - VectorXd::Ones(100)).tail(90).norm(), 0, 1e-6);
}

// Condition number 1e6; the minimum solves a linear system.
TEST(Lbfgs, IllConditionedQuadratic) {
  const int64_t n = 50;
  core::Random random = core::Seed(1).random();
  VectorXd diagonal(n), linear(n);
  for (int64_t i = 0; i < n; ++i) {
    diagonal(i) = std::pow(10, 6 * static_cast<double>(i) / (n - 1));
    linear(i) = random.normal();
  }
  const Objective quadratic = [&](const VectorXd& x) {
    const VectorXd product = diagonal.cwiseProduct(x);
    return ValueAndGradient{0.5 * x.dot(product) - linear.dot(x), product - linear};
  };
  const LbfgsResult result =
      lbfgs(quadratic, VectorXd::Zero(n), {.tolerance = 1e-8, .max_iterations = 20000});
  EXPECT_EQ(result.reason, LbfgsStop::kConverged);
  EXPECT_LT((result.point - linear.cwiseQuotient(diagonal)).cwiseAbs().maxCoeff(), 1e-7);
}

// Newton's method on the same problem.
TEST(Lbfgs, LogisticRegression) {
  const int64_t n = 400, dimension = 8;
  core::Random random = core::Seed(2).random();
  MatrixXd inputs(n, dimension);
  VectorXd labels(n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < dimension; ++j) inputs(i, j) = random.normal() * static_cast<double>(1 + j);
    labels(i) = random.uniform() < 1 / (1 + std::exp(-inputs(i, 0) + 0.2 * inputs(i, 3))) ? 1 : 0;
  }
  const double ridge = 0.5;
  const Objective loss = [&](const VectorXd& weights) {
    const Eigen::ArrayXd logits = inputs * weights;
    const Eigen::ArrayXd probabilities = 1 / (1 + (-logits).exp());
    const double value = ((1 + (-logits.abs()).exp()).log() + logits.max(0) - labels.array() * logits).sum();
    return ValueAndGradient{value + 0.5 * ridge * weights.squaredNorm(),
                            inputs.transpose() * (probabilities - labels.array()).matrix() + ridge * weights};
  };
  VectorXd newton = VectorXd::Zero(dimension);
  for (int i = 0; i < 30; ++i) {
    const Eigen::ArrayXd p = 1 / (1 + (-(inputs * newton).array()).exp());
    const MatrixXd hessian = inputs.transpose() * (p * (1 - p)).matrix().asDiagonal() * inputs +
                             ridge * MatrixXd::Identity(dimension, dimension);
    newton -= hessian.llt().solve(loss(newton).gradient);
  }
  const LbfgsResult result = lbfgs(loss, VectorXd::Zero(dimension), {.tolerance = 1e-9});
  EXPECT_EQ(result.reason, LbfgsStop::kConverged);
  EXPECT_LT((result.point - newton).norm(), 1e-9);
  EXPECT_LT(result.evaluations, 60);
}

// -log x + x is infinite left of 0; the first step from 1e-3 must not leave the domain.
TEST(Lbfgs, StaysInTheDomain) {
  const Objective barrier = [](const VectorXd& x) {
    if (x(0) <= 0) return ValueAndGradient{std::numeric_limits<double>::infinity(), VectorXd::Zero(1)};
    return ValueAndGradient{50 * x(0) - std::log(x(0)), VectorXd::Constant(1, 50 - 1 / x(0))};
  };
  const LbfgsResult result = lbfgs(barrier, VectorXd::Constant(1, 10.0));
  EXPECT_EQ(result.reason, LbfgsStop::kConverged);
  EXPECT_NEAR(result.point(0), 0.02, 1e-8);
}

// A large constant hides the last decreases; the approximate Wolfe conditions see them in the slope.
TEST(Lbfgs, ConvergesBeyondTheRoundingOfValues) {
  const Objective hidden = [](const VectorXd& x) {
    ValueAndGradient at = rosenbrock(x);
    at.value += 1e6;
    return at;
  };
  const LbfgsResult result = lbfgs(hidden, Eigen::Vector2d(-1.2, 1), {.tolerance = 1e-9});
  EXPECT_EQ(result.reason, LbfgsStop::kConverged);
  EXPECT_LT((result.point - VectorXd::Ones(2)).norm(), 1e-8);
}

TEST(Lbfgs, SaysWhyItStopped) {
  EXPECT_EQ(lbfgs(rosenbrock, VectorXd::Ones(3)).iterations, 0);
  EXPECT_EQ(lbfgs(rosenbrock, VectorXd::Ones(3)).evaluations, 1);
  const LbfgsResult early = lbfgs(rosenbrock, VectorXd::Zero(10), {.max_iterations = 3});
  EXPECT_EQ(early.reason, LbfgsStop::kMaxIterations);
  EXPECT_EQ(early.iterations, 3);
  const Objective wrong_sign = [](const VectorXd& x) { return ValueAndGradient{x.squaredNorm(), -2 * x}; };
  EXPECT_EQ(lbfgs(wrong_sign, VectorXd::Ones(3)).reason, LbfgsStop::kNoFurtherDecrease);
}

TEST(Lbfgs, RefusesWhatMakesNoSense) {
  EXPECT_THROW(lbfgs(rosenbrock, VectorXd()), InputError);
  EXPECT_THROW(lbfgs(rosenbrock, VectorXd::Constant(2, std::nan(""))), InputError);
  EXPECT_THROW(lbfgs(rosenbrock, VectorXd::Zero(2), {.memory = 0}), InputError);
  EXPECT_THROW(lbfgs(rosenbrock, VectorXd::Zero(2), {.tolerance = -1}), InputError);
  const Objective short_gradient = [](const VectorXd&) { return ValueAndGradient{0, VectorXd::Zero(1)}; };
  EXPECT_THROW(lbfgs(short_gradient, VectorXd::Zero(2)), InputError);
}

}  // namespace
}  // namespace lathe::math
