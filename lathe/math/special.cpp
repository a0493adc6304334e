#include "lathe/math/special.h"

#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"
#include "lathe/math/checks.h"

namespace lathe::math {
namespace {

// Arguments are checked here, and a value beyond double's range is infinity, not an exception.
using Policy =
    boost::math::policies::policy<boost::math::policies::overflow_error<boost::math::policies::ignore_error>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSqrt2 = 1.41421356237309504880;

void check_positive(const char* where, const char* name, double value) {
  if (!(value > 0) || std::isinf(value))
    throw InputError("{}: {} must be positive, got {}", where, name, value);
}

void check_number(const char* where, double value) {
  if (std::isnan(value)) throw InputError("{}: the argument is not a number", where);
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  check_positive("incomplete_beta", "a", a);
  check_positive("incomplete_beta", "b", b);
  check_probability("incomplete_beta", x);
  return boost::math::ibeta(a, b, x, Policy());
}

double inverse_incomplete_beta(double a, double b, double p) {
  check_positive("inverse_incomplete_beta", "a", a);
  check_positive("inverse_incomplete_beta", "b", b);
  check_probability("inverse_incomplete_beta", p);
  return boost::math::ibeta_inv(a, b, p, Policy());
}

double normal_cdf(double x) {
  check_number("normal_cdf", x);
  return 0.5 * boost::math::erfc(-x / kSqrt2, Policy());
}

double normal_quantile(double p) {
  check_probability("normal_quantile", p);
  if (p == 0 || p == 1) return p == 0 ? -kInfinity : kInfinity;
  return -kSqrt2 * boost::math::erfc_inv(2 * p, Policy());
}

double student_t_cdf(double t, double freedom) {
  check_number("student_t_cdf", t);
  check_positive("student_t_cdf", "freedom", freedom);
  if (std::isinf(t)) return t < 0 ? 0 : 1;
  // Whichever argument of the incomplete beta function is not close to 1.
  const double square = t * t;
  const double outside = square > freedom
                             ? boost::math::ibeta(freedom / 2, 0.5, freedom / (freedom + square), Policy())
                             : boost::math::ibetac(0.5, freedom / 2, square / (freedom + square), Policy());
  return t < 0 ? outside / 2 : 1 - outside / 2;
}

double student_t_quantile(double p, double freedom) {
  check_probability("student_t_quantile", p);
  check_positive("student_t_quantile", "freedom", freedom);
  if (p == 0 || p == 1) return p == 0 ? -kInfinity : kInfinity;
  double complement = 0;
  const double x = boost::math::ibeta_inv(freedom / 2, 0.5, 2 * std::min(p, 1 - p), &complement, Policy());
  const double magnitude = std::sqrt(freedom * complement / x);
  return p < 0.5 ? -magnitude : magnitude;
}

double chi_square_cdf(double x, double freedom) {
  check_number("chi_square_cdf", x);
  check_positive("chi_square_cdf", "freedom", freedom);
  if (x <= 0 || std::isinf(x)) return x <= 0 ? 0 : 1;
  return boost::math::gamma_p(freedom / 2, x / 2, Policy());
}

double chi_square_upper_tail(double x, double freedom) {
  check_number("chi_square_upper_tail", x);
  check_positive("chi_square_upper_tail", "freedom", freedom);
  if (x <= 0 || std::isinf(x)) return x <= 0 ? 1 : 0;
  return boost::math::gamma_q(freedom / 2, x / 2, Policy());
}

double chi_square_quantile(double p, double freedom) {
  check_probability("chi_square_quantile", p);
  check_positive("chi_square_quantile", "freedom", freedom);
  if (p == 1) return kInfinity;
  return 2 * boost::math::gamma_p_inv(freedom / 2, p, Policy());
}

// Abramowitz & Stegun 26.5.24: P(X >= k) = I_p(k, n - k + 1).
double binomial_upper_tail(int64_t k, int64_t n, double p) {
  check_probability("binomial_upper_tail", p);
  if (n < 0) throw InputError("binomial_upper_tail: n must not be negative, got {}", n);
  if (k <= 0 || k > n) return k <= 0 ? 1 : 0;
  return boost::math::ibeta(static_cast<double>(k), static_cast<double>(n - k + 1), p, Policy());
}

double binomial_lower_tail(int64_t k, int64_t n, double p) {
  check_probability("binomial_lower_tail", p);
  if (n < 0) throw InputError("binomial_lower_tail: n must not be negative, got {}", n);
  if (k < 0 || k >= n) return k < 0 ? 0 : 1;
  return boost::math::ibetac(static_cast<double>(k + 1), static_cast<double>(n - k), p, Policy());
}

}  // namespace lathe::math
