#include "lathe/math/special.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

const double kNan = std::nan("");
const double kInfinity = std::numeric_limits<double>::infinity();

// Closed forms: I_x(1, b) = 1 - (1-x)^b, I_x(a, 1) = x^a, I_x(2, 2) = 3x² - 2x³.
TEST(Special, IncompleteBeta) {
  for (const double x : {0.0, 0.01, 0.3, 0.5, 0.99, 1.0}) {
    EXPECT_NEAR(incomplete_beta(1, 3.5, x), 1 - std::pow(1 - x, 3.5), 1e-15);
    EXPECT_NEAR(incomplete_beta(0.2, 1, x), std::pow(x, 0.2), 1e-15);
    EXPECT_NEAR(incomplete_beta(2, 2, x), 3 * x * x - 2 * x * x * x, 1e-15);
  }
  for (const double p : {0.0, 1e-12, 0.025, 0.5, 0.999, 1.0})
    EXPECT_NEAR(incomplete_beta(3.2, 40, inverse_incomplete_beta(3.2, 40, p)), p, 1e-14);
}

// Abramowitz & Stegun, tables 26.1 and 26.5; the far tail is its leading asymptotic series (26.2.12).
TEST(Special, Normal) {
  EXPECT_NEAR(normal_cdf(1), 0.841344746068543, 1e-15);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_EQ(normal_quantile(0.5), 0);
  EXPECT_NEAR(normal_quantile(normal_cdf(-30)), -30, 1e-12);
  const double x = 30, density = std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
  const double tail = density / x * (1 - 1 / (x * x) + 3 / std::pow(x, 4) - 15 / std::pow(x, 6));
  EXPECT_NEAR(normal_cdf(-x) / tail, 1, 1e-9);
  EXPECT_EQ(normal_quantile(0), -kInfinity);
  EXPECT_EQ(normal_quantile(1), kInfinity);
}

// Closed forms: one degree of freedom is Cauchy, two have F(t) = 1/2 + t / 2 sqrt(2 + t²). Table: Abramowitz
// & Stegun 26.10, t(0.975, 10) = 2.228, t(0.995, 5) = 4.032.
TEST(Special, StudentT) {
  for (const double t : {-50.0, -1.0, -1e-4, 0.0, 0.3, 2.0, 1000.0}) {
    EXPECT_NEAR(student_t_cdf(t, 1), 0.5 + std::atan(t) / M_PI, 1e-15);
    EXPECT_NEAR(student_t_cdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-15);
    EXPECT_NEAR(student_t_quantile(student_t_cdf(t, 3.5), 3.5), t, 1e-7 * std::abs(t) + 1e-12);
  }
  EXPECT_NEAR(student_t_quantile(0.975, 10), 2.228, 5e-4);
  EXPECT_NEAR(student_t_quantile(0.995, 5), 4.032, 5e-4);
  EXPECT_NEAR(student_t_cdf(-1e8, 1) * 1e8 * M_PI, 1, 1e-12);
  EXPECT_EQ(student_t_cdf(-kInfinity, 3), 0);
  EXPECT_EQ(student_t_quantile(1, 3), kInfinity);
}

// Closed form: two degrees of freedom have P(X > x) = exp(-x/2). Table: 3.841 = chi²(0.95, 1), 11.070 =
// chi²(0.95, 5).
TEST(Special, ChiSquare) {
  for (const double x : {0.1, 2.0, 40.0, 900.0}) {
    EXPECT_NEAR(chi_square_upper_tail(x, 2) / std::exp(-x / 2), 1, 1e-12);
    EXPECT_NEAR(chi_square_cdf(x, 2), -std::expm1(-x / 2), 1e-15);
  }
  EXPECT_NEAR(chi_square_quantile(0.95, 1), 3.841, 5e-4);
  EXPECT_NEAR(chi_square_quantile(0.95, 5), 11.070, 6e-4);
  EXPECT_EQ(chi_square_upper_tail(-1, 3), 1);
  EXPECT_EQ(chi_square_cdf(kInfinity, 3), 1);
}

// Against the sum of the probabilities.
TEST(Special, BinomialTails) {
  const int64_t n = 17;
  for (const double p : {0.0, 0.03, 0.5, 0.8, 1.0}) {
    double below = 0;
    for (int64_t k = 0; k <= n; ++k) {
      const auto x = static_cast<double>(k);
      EXPECT_NEAR(binomial_upper_tail(k, n, p), 1 - below, 1e-12);
      below += std::exp(std::lgamma(n + 1.0) - std::lgamma(x + 1) - std::lgamma(n - x + 1)) * std::pow(p, x) *
               std::pow(1 - p, n - x);
      EXPECT_NEAR(binomial_lower_tail(k, n, p), below, 1e-12);
    }
  }
  EXPECT_EQ(binomial_lower_tail(-1, 5, 0.5), 0);
  EXPECT_EQ(binomial_upper_tail(6, 5, 0.5), 0);
  EXPECT_EQ(binomial_lower_tail(0, 0, 0.5), 1);
  EXPECT_NEAR(binomial_upper_tail(1000, 1000, 0.5) / std::exp2(-1000), 1, 1e-10);
}

TEST(Special, RefusesWhatLiesOutside) {
  EXPECT_THROW(incomplete_beta(0, 1, 0.5), InputError);
  EXPECT_THROW(incomplete_beta(1, kNan, 0.5), InputError);
  EXPECT_THROW(incomplete_beta(1, 1, 1.5), InputError);
  EXPECT_THROW(inverse_incomplete_beta(1, 1, -0.1), InputError);
  EXPECT_THROW(normal_cdf(kNan), InputError);
  EXPECT_THROW(normal_quantile(2), InputError);
  EXPECT_THROW(student_t_cdf(1, 0), InputError);
  EXPECT_THROW(student_t_quantile(kNan, 1), InputError);
  EXPECT_THROW(chi_square_cdf(1, -1), InputError);
  EXPECT_THROW(binomial_lower_tail(1, -1, 0.5), InputError);
  EXPECT_THROW(binomial_upper_tail(1, 2, kNan), InputError);
}

}  // namespace
}  // namespace lathe::math
