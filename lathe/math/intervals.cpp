#include "lathe/math/intervals.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/math/checks.h"
#include "lathe/math/special.h"

namespace lathe::math {
namespace {

void check(const char* where, int64_t successes, int64_t n, double confidence) {
  if (n < 1) throw InputError("{}: n must be at least 1, got {}", where, n);
  if (successes < 0 || successes > n)
    throw InputError("{}: successes must be 0 to {} (n), got {}", where, n, successes);
  check_confidence(where, confidence);
}

}  // namespace

Interval wilson_interval(int64_t successes, int64_t n, double confidence) {
  check("wilson_interval", successes, n, confidence);
  const auto size = static_cast<double>(n);
  const double rate = static_cast<double>(successes) / size;
  const double z = -normal_quantile((1 - confidence) / 2);
  const double center = rate + z * z / (2 * size);
  const double half = z * std::sqrt(rate * (1 - rate) / size + z * z / (4 * size * size));
  const double scale = 1 + z * z / size;
  // At the ends the roots are 0 and 1, up to rounding.
  return {.low = successes == 0 ? 0 : std::max(0.0, (center - half) / scale),
          .high = successes == n ? 1 : std::min(1.0, (center + half) / scale)};
}

Interval clopper_pearson_interval(int64_t successes, int64_t n, double confidence) {
  check("clopper_pearson_interval", successes, n, confidence);
  const auto k = static_cast<double>(successes);
  const auto failures = static_cast<double>(n - successes);
  const double tail = (1 - confidence) / 2;
  return {.low = successes == 0 ? 0 : inverse_incomplete_beta(k, failures + 1, tail),
          .high = successes == n ? 1 : 1 - inverse_incomplete_beta(failures, k + 1, tail)};
}

Interval beta_interval(double a, double b, double confidence) {
  check_confidence("beta_interval", confidence);
  const double tail = (1 - confidence) / 2;
  return {.low = inverse_incomplete_beta(a, b, tail), .high = inverse_incomplete_beta(a, b, 1 - tail)};
}

}  // namespace lathe::math
