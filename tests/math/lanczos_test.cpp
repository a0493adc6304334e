#include "lathe/math/lanczos.h"

#include <gtest/gtest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

MatrixXd random_symmetric(int64_t n, core::Seed seed) {
  core::Random random = seed.random();
  MatrixXd matrix(n, n);
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = 0; i <= j; ++i) matrix(i, j) = matrix(j, i) = random.normal();
  return matrix;
}

Multiply by(const MatrixXd& matrix) {
  return [matrix](const VectorXd& v) -> VectorXd { return matrix * v; };
}

Multiply by_diagonal(const VectorXd& diagonal) {
  return [diagonal](const VectorXd& v) -> VectorXd { return diagonal.cwiseProduct(v); };
}

// Closed form: the second difference matrix tridiag(-1, 2, -1) has the eigenvalues 2 - 2 cos(pi j / (n + 1)).
TEST(Lanczos, SecondDifferences) {
  const int64_t n = 200;
  const Multiply multiply = [](const VectorXd& v) -> VectorXd {
    VectorXd out = 2 * v;
    out.head(v.size() - 1) -= v.tail(v.size() - 1);
    out.tail(v.size() - 1) -= v.head(v.size() - 1);
    return out;
  };
  const LanczosResult result = lanczos(multiply, n, {.max_iterations = 200, .tolerance = 1e-10});
  ASSERT_TRUE(result.converged);
  for (int64_t j = 0; j < 5; ++j)
    EXPECT_NEAR(result.values[j], 2 - 2 * std::cos(M_PI * static_cast<double>(n - j) / (n + 1)), 1e-12);
}

TEST(Lanczos, AgreesWithDenseSolver) {
  const MatrixXd matrix = random_symmetric(120, core::Seed(1));
  const VectorXd expected = Eigen::SelfAdjointEigenSolver<MatrixXd>(matrix).eigenvalues().reverse();
  const LanczosResult result =
      lanczos(by(matrix), 120, {.num_eigenvalues = 8, .max_iterations = 120, .tolerance = 1e-9});
  ASSERT_TRUE(result.converged);
  EXPECT_LT(result.iterations, 120);
  for (int64_t j = 0; j < 8; ++j) {
    EXPECT_NEAR(result.values[j], expected(j), 1e-9);
    const double residual =
        (matrix * result.vectors.col(j) - result.values[j] * result.vectors.col(j)).norm();
    EXPECT_NEAR(residual, result.residuals[j] * std::abs(result.values[j]), 1e-11);
  }
  EXPECT_LT((result.vectors.transpose() * result.vectors - MatrixXd::Identity(8, 8)).norm(), 1e-12);
}

TEST(Lanczos, AllEigenvaluesOfSmallMatrix) {
  const MatrixXd matrix = random_symmetric(7, core::Seed(2));
  const VectorXd expected = Eigen::SelfAdjointEigenSolver<MatrixXd>(matrix).eigenvalues().reverse();
  const LanczosResult result = lanczos(by(matrix), 7, {.num_eigenvalues = 7});
  ASSERT_TRUE(result.converged);
  for (int64_t j = 0; j < 7; ++j) EXPECT_NEAR(result.values[j], expected(j), 1e-12);
}

TEST(Lanczos, RepeatedEigenvalues) {
  VectorXd diagonal = VectorXd::Zero(50);
  diagonal(3) = diagonal(17) = diagonal(31) = 3;
  diagonal(40) = diagonal(41) = 1;
  diagonal(42) = -7;
  const LanczosResult result = lanczos(by_diagonal(diagonal), 50, {.num_eigenvalues = 6});
  ASSERT_TRUE(result.converged);
  EXPECT_LT(result.iterations, 20);
  const std::vector<double> expected = {3, 3, 3, 1, 1, 0};
  for (size_t j = 0; j < 6; ++j) EXPECT_NEAR(result.values[j], expected[j], 1e-12);
}

// The first space has enough pairs, and the second copy of 10 takes a few steps to show in the next one.
TEST(Lanczos, HiddenCopyOfTheLargest) {
  VectorXd diagonal = VectorXd::Ones(60);
  diagonal.head(5) << 10, 10, 5, 4, 3;
  const LanczosResult result = lanczos(by_diagonal(diagonal), 60, {.num_eigenvalues = 3});
  ASSERT_TRUE(result.converged);
  const std::vector<double> expected = {10, 10, 5};
  for (size_t j = 0; j < 3; ++j) EXPECT_NEAR(result.values[j], expected[j], 1e-6);
}

TEST(Lanczos, IdentityAndZero) {
  const LanczosResult one = lanczos([](const VectorXd& v) { return v; }, 100, {});
  EXPECT_TRUE(one.converged);
  EXPECT_EQ(one.iterations, 6);
  EXPECT_NEAR(one.values[4], 1, 1e-12);
  const LanczosResult zero = lanczos([](const VectorXd& v) -> VectorXd { return 0 * v; }, 100, {});
  EXPECT_TRUE(zero.converged);
  EXPECT_EQ(zero.values[0], 0);
  EXPECT_NEAR(zero.vectors.col(4).norm(), 1, 1e-12);
}

// A network's size and its Hessian's shape: a few large eigenvalues, a bulk near zero, products in single
// precision.
TEST(Lanczos, LargeOperatorInSinglePrecision) {
  const int64_t n = 300000;
  core::Random random = core::Seed(3).random();
  VectorXd diagonal(n);
  for (double& value : diagonal) value = 0.1 * random.normal();
  for (int64_t j = 0; j < 5; ++j) diagonal(1000 * j) = 10 - static_cast<double>(j);
  const Eigen::VectorXf single = diagonal.cast<float>();
  const Multiply multiply = [&](const VectorXd& v) -> VectorXd {
    return single.cwiseProduct(v.cast<float>()).cast<double>();
  };
  const LanczosResult result = lanczos(multiply, n);
  ASSERT_TRUE(result.converged);
  EXPECT_LT(result.iterations, 30);
  for (int64_t j = 0; j < 5; ++j) EXPECT_NEAR(result.values[j], 10 - static_cast<double>(j), 1e-5);
}

TEST(Lanczos, SaysWhenItDidNotConverge) {
  const MatrixXd matrix = random_symmetric(200, core::Seed(4));
  const LanczosResult result = lanczos(by(matrix), 200, {.max_iterations = 10, .tolerance = 1e-8});
  EXPECT_FALSE(result.converged);
  EXPECT_EQ(result.iterations, 10);
  EXPECT_EQ(result.values.size(), 5u);
  EXPECT_GT(result.residuals[4], 1e-8);
}

TEST(Lanczos, SameSeedSameBits) {
  const Multiply multiply = by(random_symmetric(60, core::Seed(5)));
  const LanczosResult first = lanczos(multiply, 60), second = lanczos(multiply, 60);
  const LanczosResult other = lanczos(multiply, 60, {.seed = core::Seed(1)});
  EXPECT_EQ(first.vectors, second.vectors);
  EXPECT_NE(first.vectors, other.vectors);
}

TEST(Lanczos, RefusesWhatMakesNoSense) {
  const Multiply same = [](const VectorXd& v) { return v; };
  EXPECT_THROW(lanczos(same, 0), InputError);
  EXPECT_THROW(lanczos(same, 4), InputError);  // five eigenvalues by default
  EXPECT_THROW(lanczos(same, 10, {.num_eigenvalues = 0}), InputError);
  EXPECT_THROW(lanczos(same, 10, {.max_iterations = 4}), InputError);
  EXPECT_THROW(lanczos(same, 10, {.tolerance = std::nan("")}), InputError);
  EXPECT_THROW(lanczos([](const VectorXd& v) -> VectorXd { return v.head(3); }, 10), InputError);
  EXPECT_THROW(lanczos([](const VectorXd& v) -> VectorXd { return v / 0.0; }, 10), Error);
}

}  // namespace
}  // namespace lathe::math
