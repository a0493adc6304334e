#include "lathe/math/kolmogorov_smirnov.h"

#include <Eigen/Core>
#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <cstdint>

#include "lathe/core/error.h"
#include "lathe/math/checks.h"

namespace lathe::math {
namespace {

constexpr int64_t kExactTwoSample = 1000000;  // n m, the lattice's points
constexpr double kExactOneSample = 1000;      // n: a matrix of 3 sqrt(n) columns to the n-th power
constexpr double kSmirnovTail = 2.5;          // n D²: both sides at once have the share exp(-6 n D²)

std::vector<double> checked_and_sorted(const std::vector<double>& sample) {
  if (sample.empty()) throw InputError("kolmogorov_smirnov_test: a sample is empty");
  check_finite("kolmogorov_smirnov_test", sample);
  std::vector<double> sorted = sample;
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Kolmogorov's limit P(K > x), K the supremum of a Brownian bridge: the alternating series, or for small x,
// where that converges slowly, the theta-function form.
double kolmogorov_upper_tail(double x) {
  if (x <= 0) return 1;
  double sum = 0;
  if (x < 1) {
    for (int k = 1; k <= 9; k += 2) sum += std::exp(-k * k * M_PI * M_PI / (8 * x * x));
    return 1 - std::sqrt(2 * M_PI) / x * sum;
  }
  for (int k = 1; k <= 5; ++k) sum += (k % 2 == 1 ? 2 : -2) * std::exp(-2 * k * k * x * x);
  return sum;
}

// The walk through the pooled sample: after i values of x and j of y the distance is |i m - j n| / (n m), and
// it counts wherever the next value differs from the last.
struct Walk {
  int64_t n, m;
  std::vector<char> counts;  // by i + j
  int64_t distance = 0;      // the largest
};

Walk walk_through(const std::vector<double>& x, const std::vector<double>& y) {
  Walk walk{static_cast<int64_t>(x.size()), static_cast<int64_t>(y.size()),
            std::vector<char>(x.size() + y.size() + 1)};
  size_t i = 0, j = 0;
  while (i < x.size() || j < y.size()) {
    const double value = j == y.size() || (i < x.size() && x[i] < y[j]) ? x[i] : y[j];
    while (i < x.size() && x[i] == value) ++i;
    while (j < y.size() && y[j] == value) ++j;
    walk.counts[i + j] = 1;
    walk.distance = std::max(walk.distance,
                             std::abs(static_cast<int64_t>(i) * walk.m - static_cast<int64_t>(j) * walk.n));
  }
  return walk;
}

// The share of paths from (0, 0) to (n, m) that get as far from the diagonal. A path to (i, j) comes from the
// left with probability i / (i + j).
double exact_two_sample_p(const Walk& walk) {
  std::vector<double> reached(static_cast<size_t>(walk.m) + 1, 0.0);  // by j, for the current i
  for (int64_t i = 0; i <= walk.n; ++i)
    for (int64_t j = 0; j <= walk.m; ++j) {
      double& here = reached[static_cast<size_t>(j)];
      if (walk.counts[static_cast<size_t>(i + j)] != 0 && std::abs(i * walk.m - j * walk.n) >= walk.distance)
        here = 1;
      else if (i + j > 0)
        here = (static_cast<double>(i) * here +
                (j > 0 ? static_cast<double>(j) * reached[static_cast<size_t>(j - 1)] : 0)) /
               static_cast<double>(i + j);
    }
  return reached.back();
}

// Marsaglia, Tsang & Wang: P(D < d) = n! / n^n (H^n)_kk, the powers of H kept within range by a factor
// 2^exponent.
double exact_one_sample_p(int64_t n, double d) {
  const auto size = static_cast<double>(n);
  const auto k = static_cast<int64_t>(size * d) + 1;
  const int64_t columns = 2 * k - 1;
  const double h = static_cast<double>(k) - size * d;
  Eigen::MatrixXd base(columns, columns);
  for (int64_t i = 0; i < columns; ++i)
    for (int64_t j = 0; j < columns; ++j) base(i, j) = i - j + 1 < 0 ? 0 : 1;
  for (int64_t i = 0; i < columns; ++i) {
    base(i, 0) -= std::pow(h, i + 1);
    base(columns - 1, i) -= std::pow(h, columns - i);
  }
  base(columns - 1, 0) += 2 * h - 1 > 0 ? std::pow(2 * h - 1, columns) : 0;
  for (int64_t i = 0; i < columns; ++i)
    for (int64_t j = 0; j <= std::min(i, columns - 1); ++j)
      base(i, j) /= std::tgamma(static_cast<double>(i - j + 2));

  Eigen::MatrixXd power = Eigen::MatrixXd::Identity(columns, columns);
  double power_exponent = 0, base_exponent = 0;
  const auto rescale = [k](Eigen::MatrixXd& matrix, double& exponent) {
    const int shift = std::ilogb(matrix(k - 1, k - 1));
    matrix *= std::ldexp(1.0, -shift);
    exponent += shift;
  };
  for (int64_t bits = n; bits > 0; bits >>= 1) {
    if (bits & 1) {
      power = (power * base).eval();
      power_exponent += base_exponent;
      rescale(power, power_exponent);
    }
    base = (base * base).eval();
    base_exponent *= 2;
    rescale(base, base_exponent);
  }
  const double log_scale = boost::math::lgamma(size + 1) - size * std::log(size) + power_exponent * M_LN2;
  return 1 - power(k - 1, k - 1) * std::exp(log_scale);
}

// Birnbaum & Tingey (1951): P(D+ >= d) = d sum over j of C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j).
double smirnov_upper_tail(int64_t n, double d) {
  const auto size = static_cast<double>(n);
  double sum = 0, log_choose = 0;
  for (int64_t j = 0; j < n && d + static_cast<double>(j) / size < 1; ++j) {
    const double at = d + static_cast<double>(j) / size;
    sum += std::exp(log_choose + static_cast<double>(j - 1) * std::log(at) +
                    static_cast<double>(n - j) * std::log1p(-at));
    log_choose += std::log(static_cast<double>(n - j) / static_cast<double>(j + 1));
  }
  return d * sum;
}

double one_sample_p(int64_t n, double d) {
  const double root = std::sqrt(static_cast<double>(n));
  if (d >= 1) return 0;
  if (2 * static_cast<double>(n) * d <= 1) return 1;  // no sample is closer
  if (root * d * root * d >= kSmirnovTail) return std::min(1.0, 2 * smirnov_upper_tail(n, d));
  if (static_cast<double>(n) <= kExactOneSample) return std::clamp(exact_one_sample_p(n, d), 0.0, 1.0);
  const double x = root * d;
  return kolmogorov_upper_tail(x + 1 / (6 * root) + (x - 1) / (4 * root * root));
}

}  // namespace

TestResult kolmogorov_smirnov_test(const std::vector<double>& x, const std::vector<double>& y) {
  const Walk walk = walk_through(checked_and_sorted(x), checked_and_sorted(y));
  const double n = static_cast<double>(walk.n), m = static_cast<double>(walk.m);
  const double d = static_cast<double>(walk.distance) / (n * m);
  const double p = walk.n <= kExactTwoSample / walk.m ? exact_two_sample_p(walk)
                                                      : kolmogorov_upper_tail(d * std::sqrt(n * m / (n + m)));
  return {.statistic = d, .p_value = p};
}

TestResult kolmogorov_smirnov_test(const std::vector<double>& x, const std::function<double(double)>& cdf) {
  const std::vector<double> sorted = checked_and_sorted(x);
  const auto n = static_cast<double>(sorted.size());
  double d = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const double expected = cdf(sorted[i]);
    check_probability("kolmogorov_smirnov_test: cdf", expected);
    d = std::max({d, expected - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - expected});
  }
  return {.statistic = d, .p_value = one_sample_p(static_cast<int64_t>(sorted.size()), d)};
}

}  // namespace lathe::math
