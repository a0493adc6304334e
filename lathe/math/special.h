#pragma once
#include <cstdint>

namespace lathe::math {

// Special and distribution functions, thin over Boost.Math: full double precision in both tails. All throw
// InputError for arguments outside the stated ranges, NaN included. Quantiles of 0 and 1 are the ends of the
// support.

// Regularised incomplete beta function I_x(a, b), a, b > 0, x in [0, 1]: the distribution function of Beta(a,
// b).
double incomplete_beta(double a, double b, double x);
// Its inverse: the x with I_x(a, b) = p, the p-quantile of Beta(a, b).
double inverse_incomplete_beta(double a, double b, double p);

// Standard normal. normal_cdf(-x) is the upper tail without cancellation.
double normal_cdf(double x);
double normal_quantile(double p);

// Student's t with `freedom` > 0 degrees of freedom, symmetric as the normal.
double student_t_cdf(double t, double freedom);
double student_t_quantile(double p, double freedom);

// Chi-square with `freedom` > 0 degrees of freedom; P(X > x), the p-value of a test.
double chi_square_cdf(double x, double freedom);
double chi_square_upper_tail(double x, double freedom);
double chi_square_quantile(double p, double freedom);

// Binomial(n, p), n >= 0: P(X <= k) and P(X >= k), for any k.
double binomial_lower_tail(int64_t k, int64_t n, double p);
double binomial_upper_tail(int64_t k, int64_t n, double p);

}  // namespace lathe::math
