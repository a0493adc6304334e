#include "lathe/math/kolmogorov_smirnov.h"

#include <gtest/gtest.h>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"

namespace lathe::math {
namespace {

using Values = std::vector<double>;

double uniform_cdf(double x) {
  return std::clamp(x, 0.0, 1.0);
}

// n values in [0, 1] whose distance from the uniform distribution is d.
Values sample_at_distance(int64_t n, double d) {
  Values values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = std::max(d, (static_cast<double>(i) + 0.5) / static_cast<double>(n));
  return values;
}

double p_at_distance(int64_t n, double d) {
  const TestResult result = kolmogorov_smirnov_test(sample_at_distance(n, d), uniform_cdf);
  EXPECT_NEAR(result.statistic, d, 1e-14);
  return result.p_value;
}

// Marsaglia, Tsang & Wang 2003, table of K(n, d) = P(D < d).
TEST(KolmogorovSmirnov, PublishedProbabilities) {
  EXPECT_NEAR(p_at_distance(10, 0.274), 1 - 0.6284796154565, 1e-12);
  EXPECT_NEAR(p_at_distance(2000, 0.04), 1 - 0.99676943191713676985, 1e-9);
  EXPECT_NEAR(p_at_distance(2000, 0.06) / (1 - 0.99999893956930568118), 1, 1e-6);
  EXPECT_NEAR(p_at_distance(16000, 0.016), 1 - 0.99945234913828052085, 1e-9);
}

// Closed forms: one value is uniform, P(D >= d) = 2 (1 - d) for d >= 1/2; two have 1 - 2 (2d - 1/2)² for d in
// [1/4, 1/2] and 2 (1-d)² for d >= 1/2.
TEST(KolmogorovSmirnov, OneAndTwoValues) {
  EXPECT_NEAR(p_at_distance(1, 0.5), 1, 1e-14);
  EXPECT_NEAR(p_at_distance(1, 0.8), 0.4, 1e-14);
  EXPECT_NEAR(p_at_distance(2, 0.3), 1 - 2 * 0.01, 1e-14);
  EXPECT_NEAR(p_at_distance(2, 0.7), 2 * 0.09, 1e-14);
}

// Steck 1971: the probability that ordered uniform values lie between a_i and b_i is n! times the determinant
// of (b_i - a_j)^(j-i+1) / (j-i+1)!, positive parts.
TEST(KolmogorovSmirnov, AgreesWithStecksDeterminant) {
  for (const int64_t n : {3, 5, 12}) {
    const auto size = static_cast<double>(n);
    for (double d = 0.7 / size; d < 0.6; d += 0.031) {
      Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(n, n);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = std::max<int64_t>(0, i - 1); j < n; ++j) {
          const double above = std::min(1.0, static_cast<double>(i) / size + d);
          const double below = std::max(0.0, static_cast<double>(j + 1) / size - d);
          const auto power = static_cast<double>(j - i + 1);
          matrix(i, j) = j < i ? 1 : std::pow(std::max(0.0, above - below), power) / std::tgamma(power + 1);
        }
      EXPECT_NEAR(p_at_distance(n, d), 1 - std::tgamma(size + 1) * matrix.determinant(), 1e-6)
          << n << ' ' << d;
    }
  }
}

// The three formulas meet where they hand over: at n d² = 2.5 and at n = 1000.
TEST(KolmogorovSmirnov, FormulasMeet) {
  for (const int64_t n : {50, 300, 1000}) {
    const double d = std::sqrt(2.5 / static_cast<double>(n));
    EXPECT_NEAR(p_at_distance(n, d * (1 - 1e-9)) / p_at_distance(n, d * (1 + 1e-9)), 1, 2e-6);
  }
  for (const double k : {0.6, 0.9, 1.2, 1.5})
    EXPECT_NEAR(p_at_distance(1000, k / std::sqrt(1000.0)), p_at_distance(1001, k / std::sqrt(1001.0)), 5e-4);
}

TEST(KolmogorovSmirnov, PValuesOfUniformSamplesAreUniform) {
  core::Random random = core::Seed(1).random();
  Values p_values(2000);
  for (double& p : p_values) {
    Values sample(12);
    for (double& value : sample) value = random.uniform();
    p = kolmogorov_smirnov_test(sample, uniform_cdf).p_value;
  }
  EXPECT_GT(kolmogorov_smirnov_test(p_values, uniform_cdf).p_value, 0.01);
}

// All ways to split the pooled sample, ties included.
TEST(KolmogorovSmirnov, TwoSamplesAgreeWithAllSplits) {
  const auto distance = [](const Values& x, const Values& y) {
    double d = 0;
    for (const Values* sample : {&x, &y})
      for (const double at : *sample) {
        const auto below = [at](double value) { return value <= at; };
        d = std::max(d, std::abs(static_cast<double>(std::count_if(x.begin(), x.end(), below)) /
                                     static_cast<double>(x.size()) -
                                 static_cast<double>(std::count_if(y.begin(), y.end(), below)) /
                                     static_cast<double>(y.size())));
      }
    return d;
  };
  for (const Values& pooled :
       {Values{1, 2, 4, 7, 3, 5, 6, 8, 9, 10, 11}, Values{1, 1, 2, 5, 2, 2, 3, 5, 5, 5, 6}}) {
    const Values x(pooled.begin(), pooled.begin() + 4), y(pooled.begin() + 4, pooled.end());
    const TestResult result = kolmogorov_smirnov_test(x, y);
    EXPECT_NEAR(result.statistic, distance(x, y), 1e-15);
    std::vector<char> in_x(pooled.size(), 0);
    std::fill(in_x.end() - 4, in_x.end(), 1);
    double as_extreme = 0, all = 0;
    do {
      Values first, second;
      for (size_t i = 0; i < pooled.size(); ++i) (in_x[i] ? first : second).push_back(pooled[i]);
      as_extreme += distance(first, second) >= result.statistic - 1e-12;
      ++all;
    } while (std::next_permutation(in_x.begin(), in_x.end()));
    EXPECT_EQ(all, 330);
    EXPECT_NEAR(result.p_value, as_extreme / all, 1e-14);
  }
}

// 1000 values each are counted, 1001 have the limit 2 sum over k of (-1)^(k-1) exp(-2 k² x²).
TEST(KolmogorovSmirnov, TwoLargeSamples) {
  const auto shifted = [](size_t n, size_t shift) {
    Values x(n), y(n);
    for (size_t i = 0; i < n; ++i) {
      x[i] = static_cast<double>(i);
      y[i] = static_cast<double>(i + shift) - 0.5;
    }
    return kolmogorov_smirnov_test(x, y);
  };
  const TestResult counted = shifted(1000, 40), limit = shifted(1001, 40);
  EXPECT_NEAR(counted.statistic, 0.04, 1e-12);
  EXPECT_NEAR(counted.p_value, limit.p_value, 0.02);
  for (const size_t shift : {100, 166, 272, 500}) {
    const double x = static_cast<double>(shift) / std::sqrt(2 * 20000.0);
    double expected = 0;
    for (int k = 200; k > 0; --k) expected += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * x * x);
    EXPECT_NEAR(shifted(20000, shift).p_value, expected, 1e-12);
  }
}

TEST(KolmogorovSmirnov, SameAndDisjointSamples) {
  EXPECT_EQ(kolmogorov_smirnov_test({1, 2, 3}, {1, 2, 3}).p_value, 1);
  EXPECT_NEAR(kolmogorov_smirnov_test({1, 2, 3}, {4, 5, 6}).p_value, 2.0 / 20, 1e-15);
  EXPECT_EQ(kolmogorov_smirnov_test({2, 3}, uniform_cdf).p_value, 0);
}

TEST(KolmogorovSmirnov, RefusesWhatMakesNoSense) {
  EXPECT_THROW(kolmogorov_smirnov_test({}, Values{1}), InputError);
  EXPECT_THROW(kolmogorov_smirnov_test({1, std::nan("")}, Values{1}), InputError);
  EXPECT_THROW(kolmogorov_smirnov_test({}, uniform_cdf), InputError);
  EXPECT_THROW(kolmogorov_smirnov_test({1}, [](double) { return 1.5; }), InputError);
}

}  // namespace
}  // namespace lathe::math
