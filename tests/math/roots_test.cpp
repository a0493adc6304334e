#include "lathe/math/roots.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

TEST(Roots, SquareRootOfTwo) {
  const Root root = find_root([](double x) { return ValueAndSlope{x * x - 2, 2 * x}; }, 0, 2);
  EXPECT_TRUE(root.converged);
  EXPECT_NEAR(root.x, std::sqrt(2.0), 1e-15);
  EXPECT_LE(root.evaluations, 9);  // quadratic: two ends, five or six steps
}

TEST(Roots, FallingFunction) {
  const Root root = find_root(
      [](double x) {
        return ValueAndSlope{-std::expm1(x - 3), -std::exp(x - 3)};
      },
      -20, 20);
  EXPECT_TRUE(root.converged);
  EXPECT_NEAR(root.x, 3, 1e-12);
}

// Newton's method alone runs away from arctan beyond 1.39, and stalls on the plateau of a steep logistic
// function.
TEST(Roots, WhereNewtonAloneFails) {
  const Root arctan = find_root(
      [](double x) {
        return ValueAndSlope{std::atan(x), 1 / (1 + x * x)};
      },
      -10, 30);
  EXPECT_TRUE(arctan.converged);
  EXPECT_NEAR(arctan.x, 0, 1e-12);
  const auto step = [](double x) {
    const double s = std::tanh(1000 * (x - 0.123));
    return ValueAndSlope{s, 1000 * (1 - s * s)};
  };
  const Root steep = find_root(step, -50, 80);
  EXPECT_TRUE(steep.converged);
  EXPECT_NEAR(steep.x, 0.123, 1e-12);
}

// A triple root: linear convergence only. A slope that is no number: bisection.
TEST(Roots, FlatRootsAndBadSlopes) {
  const Root flat = find_root(
      [](double x) {
        return ValueAndSlope{std::pow(x - 1, 3), 3 * std::pow(x - 1, 2)};
      },
      0, 5);
  EXPECT_TRUE(flat.converged);
  EXPECT_NEAR(flat.x, 1, 1e-10);
  const Root bisected = find_root([](double x) { return ValueAndSlope{x - 0.3, std::nan("")}; }, 0, 1);
  EXPECT_TRUE(bisected.converged);
  EXPECT_NEAR(bisected.x, 0.3, 1e-12);
}

// The temperature of two logits ±2 with a share 0.75 of right answers: sigmoid(4 / T) = 0.75, T = 4 / log 3.
TEST(Roots, Temperature) {
  const Root root = find_root(
      [](double log_t) {
        const double x = 4 * std::exp(-log_t), s = 1 / (1 + std::exp(-x));
        return ValueAndSlope{(0.75 - s) * x, s * (1 - s) * x * x - (0.75 - s) * x};
      },
      -3, 5);
  EXPECT_TRUE(root.converged);
  EXPECT_NEAR(std::exp(root.x), 4 / std::log(3.0), 1e-12);
}

TEST(Roots, RootAtAnEnd) {
  const auto line = [](double x) { return ValueAndSlope{x, 1}; };
  EXPECT_EQ(find_root(line, 0, 4).x, 0);
  EXPECT_EQ(find_root(line, -4, 0).x, 0);
  EXPECT_TRUE(find_root(line, -4, 0).converged);
}

TEST(Roots, SaysWhenItDidNotConverge) {
  const Root root = find_root(
      [](double x) {
        return ValueAndSlope{x - 0.3, std::nan("")};
      },
      0, 1, {.max_iterations = 5});
  EXPECT_FALSE(root.converged);
  EXPECT_EQ(root.evaluations, 7);
}

TEST(Roots, RefusesWhatMakesNoSense) {
  const auto square = [](double x) { return ValueAndSlope{x * x + 1, 2 * x}; };
  EXPECT_THROW(find_root(square, -1, 1), InputError);
  EXPECT_THROW(find_root(square, 1, -1), InputError);
  EXPECT_THROW(find_root(square, std::nan(""), 1), InputError);
  EXPECT_THROW(find_root(square, -1, 1, {.tolerance = 0}), InputError);
  EXPECT_THROW(find_root([](double x) { return ValueAndSlope{std::log(x), 1 / x}; }, -1, 2), Error);
}

}  // namespace
}  // namespace lathe::math
