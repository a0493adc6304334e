#include "lathe/math/roots.h"

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::math {

Root find_root(const std::function<ValueAndSlope(double)>& f, double low, double high,
               const RootOptions& options) {
  if (!(low < high) || std::isinf(low) || std::isinf(high))
    throw InputError("find_root: needs a bracket low < high, got {} and {}", low, high);
  if (!(options.tolerance > 0) || options.max_iterations < 1)
    throw InputError("find_root: tolerance and max_iterations must be positive, got {} and {}",
                     options.tolerance, options.max_iterations);
  Root root;
  const auto evaluate = [&](double x) {
    const ValueAndSlope at = f(x);
    if (!std::isfinite(at.value)) throw Error("find_root: the function at {} is {}", x, at.value);
    root = {.x = x, .value = at.value, .evaluations = root.evaluations + 1, .converged = at.value == 0};
    return at;
  };

  const bool rises = evaluate(low).value < 0;
  if (root.converged) return root;
  const double at_low = root.value;
  evaluate(high);
  if (root.converged) return root;
  if ((root.value > 0) != rises)
    throw InputError("find_root: the function has the same sign at both ends: {} at {}, {} at {}", at_low,
                     low, root.value, high);

  double x = low + (high - low) / 2, before = INFINITY;
  for (int64_t i = 0; i < options.max_iterations; ++i) {
    const ValueAndSlope at = evaluate(x);
    if (root.converged) return root;
    ((at.value < 0) == rises ? low : high) = x;
    double next = x - at.value / at.slope;
    const bool newton = next > low && next < high && std::abs(at.value) <= before / 2;
    if (!newton) next = low + (high - low) / 2;
    before = std::abs(at.value);
    root.converged = (newton && std::abs(next - x) <= options.tolerance) || high - low <= options.tolerance ||
                     next == low || next == high;  // no double is left in between
    if (root.converged) return root;
    x = next;
  }
  return root;
}

}  // namespace lathe::math
