#include "lathe/evaluate/conformal/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::evaluate::conformal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kRounding = 1e-9;  // far above that of (n + 1) α, far below the step of a useful α

}  // namespace

int64_t num_excluded(int64_t n, double alpha) {
  return static_cast<int64_t>(std::floor(static_cast<double>(n + 1) * alpha + kRounding));
}

double conformal_quantile(const std::vector<double>& sorted_scores, double alpha) {
  const auto n = static_cast<int64_t>(sorted_scores.size());
  if (alpha <= 0) return kInfinity;
  if (alpha >= 1) return -kInfinity;
  const int64_t index = n + 1 - num_excluded(n, alpha);
  return index > n ? kInfinity : sorted_scores[static_cast<size_t>(index - 1)];
}

double weighted_quantile(const std::vector<double>& sorted_scores,
                         const std::vector<double>& cumulative_weights, double weight, double alpha) {
  if (alpha <= 0 || sorted_scores.empty()) return kInfinity;
  if (alpha >= 1) return -kInfinity;
  const double total = cumulative_weights.back() + weight;
  const double goal = (1 - alpha) * total * (1 - kRounding);
  const auto at = std::lower_bound(cumulative_weights.begin(), cumulative_weights.end(), goal);
  return at == cumulative_weights.end() ? kInfinity
                                        : sorted_scores[static_cast<size_t>(at - cumulative_weights.begin())];
}

int64_t smallest_calibration(double alpha) {
  return static_cast<int64_t>(std::ceil(1 / alpha - kRounding)) - 1;
}

math::Interval coverage_band(int64_t n, double alpha, double confidence) {
  const int64_t excluded = num_excluded(n, alpha);
  if (excluded == 0) return {1, 1};
  return math::beta_interval(static_cast<double>(n + 1 - excluded), static_cast<double>(excluded),
                             confidence);
}

math::Interval observed_coverage_band(int64_t n, int64_t num_test, double alpha, double confidence) {
  const int64_t excluded = num_excluded(n, alpha);
  if (excluded == 0) return {1, 1};
  const auto a = static_cast<double>(n + 1 - excluded), b = static_cast<double>(excluded);
  const auto m = static_cast<double>(num_test);
  const auto log_beta = [](double x, double y) {
    return std::lgamma(x) + std::lgamma(y) - std::lgamma(x + y);
  };
  const auto probability = [&](double k) {
    return std::exp(-std::log(m + 1) - log_beta(m - k + 1, k + 1) + log_beta(k + a, m - k + b) -
                    log_beta(a, b));
  };
  const double tail = (1 - confidence) / 2;
  double low = 0, high = m;
  for (double mass = probability(low); mass <= tail; mass += probability(low)) ++low;
  for (double mass = probability(high); mass <= tail; mass += probability(high)) --high;
  return {low / m, high / m};
}

}  // namespace lathe::evaluate::conformal
