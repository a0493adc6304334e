#pragma once
#include <cstdint>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::math {

struct TestResult {
  double statistic = 0;
  double p_value = 1;  // two-sided
};

// Tests of paired samples: x[i] and y[i] belong to the same subject, d = x - y. They throw InputError for
// different sizes, too few pairs and values that are not finite. Where all differences are zero, the p-value
// is 1.

// Student's t: mean(d) / (sd(d) / sqrt(n)), n - 1 degrees of freedom, n >= 2. Equal differences other than
// zero give an infinite t and the p-value 0.
TestResult paired_t_test(const std::vector<double>& x, const std::vector<double>& y);

// Wilcoxon's signed ranks: the sum of the ranks of |d| over positive d; zeros are dropped. Exact for up to 50
// remaining pairs without ties, else normal with continuity correction and the variance n(n+1)(2n+1)/24 -
// sum(t³-t)/48 for tied groups of t (Hollander, Wolfe & Chicken, Nonparametric Statistical Methods, §3.1).
TestResult wilcoxon_signed_rank_test(const std::vector<double>& x, const std::vector<double>& y);

// The sign test, exact: the number of positive d is binomial with p = 1/2 among those that are not zero.
TestResult sign_test(const std::vector<double>& x, const std::vector<double>& y);

// McNemar's test, exact (the sign test on right and wrong answers): how often only the first of two
// classifiers was right, and how often only the second. The statistic is `only_first`.
TestResult mcnemar_test(int64_t only_first, int64_t only_second);

struct PermutationOptions {
  int64_t num_permutations = 10000;
  core::Seed seed{0};
};

// Permutes the labels of pairs, that is, flips the signs of d; the statistic is mean(d). Exact when the 2^n
// sign patterns are at most num_permutations, else p = (1 + as extreme) / (1 + num_permutations) (Phipson &
// Smyth 2010). The same for any number of threads.
TestResult paired_permutation_test(const std::vector<double>& x, const std::vector<double>& y,
                                   const PermutationOptions& options = {});

// Adjusted p-values, in the order of their inputs, each in [0, 1] or InputError. A hypothesis is rejected at
// a level when its adjusted p-value is at most that level.
//   Holm (1979), family-wise error:                max over j <= i of (m - j + 1) p_(j)
//   Benjamini & Hochberg (1995), false discoveries: min over j >= i of m p_(j) / j
std::vector<double> holm(const std::vector<double>& p_values);
std::vector<double> benjamini_hochberg(const std::vector<double>& p_values);

}  // namespace lathe::math
