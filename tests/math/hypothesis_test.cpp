#include "lathe/math/hypothesis.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/math/rank.h"
#include "lathe/math/special.h"

namespace lathe::math {
namespace {

using Values = std::vector<double>;

Values zeros(size_t n) {
  return Values(n, 0.0);
}

// Student 1908, the hours of sleep won by two drugs; t = -4.0621, 9 degrees of freedom, p = 0.002833 (R,
// ?sleep).
TEST(Hypothesis, PairedT) {
  const Values first = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
  const Values second = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
  const TestResult result = paired_t_test(first, second);
  EXPECT_NEAR(result.statistic, -4.0621, 5e-5);
  EXPECT_NEAR(result.p_value, 0.002833, 5e-7);
  EXPECT_EQ(paired_t_test({1, 2, 3}, {0, 1, 2}).p_value, 0);
}

// Darwin's maize, Fisher 1935, §17: p = 0.041259765625 in SciPy's documentation.
TEST(Hypothesis, WilcoxonOnDarwinsMaize) {
  const Values d = {6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75};
  const TestResult result = wilcoxon_signed_rank_test(d, zeros(15));
  EXPECT_EQ(result.statistic, 96);
  EXPECT_NEAR(result.p_value, 0.041259765625, 1e-15);
}

// Over all sign patterns: the p-value without ties, mean and variance of the statistic with them.
TEST(Hypothesis, WilcoxonAgreesWithAllSignPatterns) {
  const auto statistic = [](const Values& rank, unsigned pattern) {
    double sum = 0;
    for (size_t i = 0; i < rank.size(); ++i) sum += (pattern >> i & 1) != 0 ? rank[i] : 0;
    return sum;
  };
  const Values d = {0.4, -1.2, 2.5, 0.1, 3.3, -0.2, 0.9, 1.7};
  const TestResult exact = wilcoxon_signed_rank_test(d, zeros(8));
  double as_extreme = 0;
  for (unsigned pattern = 0; pattern < 256; ++pattern)
    as_extreme +=
        std::abs(statistic({1, 2, 3, 4, 5, 6, 7, 8}, pattern) - 18) >= std::abs(exact.statistic - 18);
  EXPECT_NEAR(exact.p_value, as_extreme / 256, 1e-15);

  const Values tied = {1, 1, -2, 3, 3, 3, 0, -5, 6};
  const Values rank = ranks({1, 1, 2, 3, 3, 3, 5, 6});
  double squares = 0;
  for (unsigned pattern = 0; pattern < 256; ++pattern)
    squares += std::pow(statistic(rank, pattern) - 18, 2) / 256;
  const TestResult normal = wilcoxon_signed_rank_test(tied, zeros(9));
  EXPECT_EQ(normal.statistic, 36 - 3 - 7);
  EXPECT_NEAR(normal.p_value, 2 * normal_cdf(-(8 - 0.5) / std::sqrt(squares)), 1e-14);
}

// By hand: 1 of 9 signs, 2 (1 + 9) / 512. The sample's tenth difference is zero.
TEST(Hypothesis, SignsAndMcNemar) {
  const Values d = {1, 2, 3, -4, 5, 6, 7, 8, 9, 0};
  EXPECT_NEAR(sign_test(d, zeros(10)).p_value, 20.0 / 512, 1e-15);
  EXPECT_EQ(sign_test(d, zeros(10)).statistic, 8);
  EXPECT_NEAR(mcnemar_test(1, 8).p_value, 20.0 / 512, 1e-15);
  EXPECT_EQ(mcnemar_test(5, 5).p_value, 1);
  EXPECT_EQ(mcnemar_test(0, 0).p_value, 1);
}

// The same data as Darwin's: 863 of 32768 sign patterns give a sum as large (Fisher 1935, §21), p = 2 * 863 /
// 32768.
TEST(Hypothesis, PermutationsOfDarwinsMaize) {
  const Values d = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
  const TestResult exact = paired_permutation_test(d, zeros(15), {.num_permutations = 32768});
  EXPECT_NEAR(exact.statistic, 314.0 / 15, 1e-12);
  EXPECT_NEAR(exact.p_value, 2 * 863 / 32768.0, 1e-15);
  const TestResult sampled = paired_permutation_test(d, zeros(15), {.num_permutations = 20000});
  EXPECT_NEAR(sampled.p_value, exact.p_value, 0.007);  // 4 standard errors
  EXPECT_NE(sampled.p_value, exact.p_value);
}

TEST(Hypothesis, PermutationsAreTheSameForAnyNumberOfThreads) {
  Values d(100);
  for (size_t i = 0; i < d.size(); ++i) d[i] = std::sin(static_cast<double>(i)) + 0.1;
  core::set_num_threads(1);
  const double one = paired_permutation_test(d, zeros(100), {.num_permutations = 1000}).p_value;
  core::set_num_threads(3);
  const double three = paired_permutation_test(d, zeros(100), {.num_permutations = 1000}).p_value;
  core::set_num_threads(core::available_processors());
  EXPECT_EQ(one, three);
  EXPECT_NE(
      one, paired_permutation_test(d, zeros(100), {.num_permutations = 1000, .seed = core::Seed(1)}).p_value);
}

TEST(Hypothesis, NoDifferenceAtAll) {
  for (const auto& test : {paired_t_test, wilcoxon_signed_rank_test, sign_test})
    EXPECT_EQ(test({1, 2, 3}, {1, 2, 3}).p_value, 1);
  EXPECT_EQ(paired_permutation_test({1, 2, 3}, {1, 2, 3}).p_value, 1);
}

// By hand, and Benjamini & Hochberg 1995, §4.2: of the fifteen, four are rejected at 0.05, three by Holm's
// procedure.
TEST(Hypothesis, Corrections) {
  const Values p = {0.01, 0.04, 0.03, 0.005};
  const Values by_holm = holm(p), by_hochberg = benjamini_hochberg(p);
  const Values expected_holm = {0.03, 0.06, 0.06, 0.02}, expected_hochberg = {0.02, 0.04, 0.04, 0.02};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(by_holm[i], expected_holm[i], 1e-15);
    EXPECT_NEAR(by_hochberg[i], expected_hochberg[i], 1e-15);
  }
  EXPECT_EQ(benjamini_hochberg({0.01, 0.021, 0.02}), (Values{0.021, 0.021, 0.021}));
  const Values thrombolysis = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                               0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
  const auto rejected = [](const Values& adjusted) {
    return std::count_if(adjusted.begin(), adjusted.end(), [](double value) { return value <= 0.05; });
  };
  EXPECT_EQ(rejected(holm(thrombolysis)), 3);
  EXPECT_EQ(rejected(benjamini_hochberg(thrombolysis)), 4);
  EXPECT_EQ(holm({}), Values{});
  EXPECT_EQ(holm({0.7, 0.9}), (Values{1, 1}));
}

TEST(Hypothesis, RefusesWhatMakesNoSense) {
  for (const auto& test : {paired_t_test, wilcoxon_signed_rank_test, sign_test}) {
    EXPECT_THROW(test({}, {}), InputError);
    EXPECT_THROW(test({1, 2}, {1}), InputError);
    EXPECT_THROW(test({1, std::nan("")}, {1, 2}), InputError);
  }
  EXPECT_THROW(paired_t_test({1}, {2}), InputError);
  EXPECT_THROW(mcnemar_test(-1, 3), InputError);
  EXPECT_THROW(paired_permutation_test({}, {}), InputError);
  EXPECT_THROW(paired_permutation_test({1, 2}, {1, 3}, {.num_permutations = 0}), InputError);
  EXPECT_THROW(holm({0.5, 1.5}), InputError);
  EXPECT_THROW(benjamini_hochberg({std::nan("")}), InputError);
}

}  // namespace
}  // namespace lathe::math
