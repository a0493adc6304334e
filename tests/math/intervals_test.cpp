#include "lathe/math/intervals.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/math/special.h"

namespace lathe::math {
namespace {

struct Published {
  int64_t successes, n;
  Interval wilson, exact;
};

// Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, methods 3 and 5.
TEST(Intervals, NewcombesTable) {
  const Published table[] = {{81, 263, {0.2553, 0.3662}, {0.2527, 0.3676}},
                             {15, 148, {0.0624, 0.1605}, {0.0578, 0.1617}},
                             {0, 20, {0, 0.1611}, {0, 0.1684}},
                             {1, 29, {0.0061, 0.1718}, {0.0009, 0.1776}}};
  for (const Published& row : table) {
    const Interval wilson = wilson_interval(row.successes, row.n);
    const Interval exact = clopper_pearson_interval(row.successes, row.n);
    EXPECT_NEAR(wilson.low, row.wilson.low, 5.1e-5);
    EXPECT_NEAR(wilson.high, row.wilson.high, 5.1e-5);
    EXPECT_NEAR(exact.low, row.exact.low, 5.1e-5);
    EXPECT_NEAR(exact.high, row.exact.high, 5.1e-5);
  }
}

// Definition: at the ends a result as extreme has the probability (1 - confidence) / 2.
TEST(Intervals, ClopperPearsonInvertsTheTails) {
  for (const int64_t k : {1, 7, 19}) {
    const Interval interval = clopper_pearson_interval(k, 20, 0.9);
    EXPECT_NEAR(binomial_upper_tail(k, 20, interval.low), 0.05, 1e-12);
    EXPECT_NEAR(binomial_lower_tail(k, 20, interval.high), 0.05, 1e-12);
  }
}

// Closed form: k = 0 gives 1 - (alpha/2)^(1/n).
TEST(Intervals, NoneAndAll) {
  const double high = 1 - std::pow(0.005, 1.0 / 12);
  EXPECT_NEAR(clopper_pearson_interval(0, 12, 0.99).high, high, 1e-14);
  EXPECT_NEAR(clopper_pearson_interval(12, 12, 0.99).low, 1 - high, 1e-14);
  EXPECT_EQ(clopper_pearson_interval(0, 12).low, 0);
  EXPECT_EQ(clopper_pearson_interval(12, 12).high, 1);
  for (const int64_t n : {1, 3, 1000, 1000000007}) {
    EXPECT_EQ(wilson_interval(0, n).low, 0);
    EXPECT_EQ(wilson_interval(n, n).high, 1);
    EXPECT_NEAR(wilson_interval(0, n).high, 1 - wilson_interval(n, n).low, 1e-15);
  }
}

// Definition: Wilson's ends are the rates that lie z standard errors of their own from the observed rate.
TEST(Intervals, WilsonSolvesTheScoreEquation) {
  const double z = normal_quantile(0.95);
  const Interval interval = wilson_interval(30, 70, 0.9);
  for (const double rate : {interval.low, interval.high})
    EXPECT_NEAR(std::abs(30.0 / 70 - rate) / std::sqrt(rate * (1 - rate) / 70), z, 1e-12);
}

TEST(Intervals, BetaBand) {
  EXPECT_NEAR(beta_interval(1, 1, 0.9).low, 0.05, 1e-15);
  EXPECT_NEAR(beta_interval(1, 1, 0.9).high, 0.95, 1e-15);
  const Interval skewed = beta_interval(2, 9);
  EXPECT_NEAR(incomplete_beta(2, 9, skewed.low), 0.025, 1e-14);
  EXPECT_NEAR(incomplete_beta(2, 9, skewed.high), 0.975, 1e-14);
}

TEST(Intervals, RefusesWhatMakesNoSense) {
  for (const auto& interval : {wilson_interval, clopper_pearson_interval}) {
    EXPECT_THROW(interval(0, 0, 0.95), InputError);
    EXPECT_THROW(interval(-1, 5, 0.95), InputError);
    EXPECT_THROW(interval(6, 5, 0.95), InputError);
    EXPECT_THROW(interval(2, 5, 1), InputError);
    EXPECT_THROW(interval(2, 5, std::nan("")), InputError);
  }
  EXPECT_THROW(beta_interval(0, 1), InputError);
  EXPECT_THROW(beta_interval(1, 1, 0), InputError);
}

}  // namespace
}  // namespace lathe::math
