#pragma once
#include <cstdint>
#include <functional>

namespace lathe::math {

struct ValueAndSlope {
  double value = 0, slope = 0;  // f(x), f'(x)
};

struct RootOptions {
  double tolerance = 1e-12;  // of x, absolute
  int64_t max_iterations = 100;
};

struct Root {
  double x = 0;
  double value = 0;  // f(x)
  int64_t evaluations = 0;
  bool converged = false;  // f(x) = 0, or the last step or the bracket is within the tolerance
};

// A root of f in [low, high], where f changes its sign, by Newton's method from the middle. A step that would
// leave the bracket, or that follows one which did not halve |f|, is a bisection instead.
//
// Throws InputError when f(low) and f(high) have the same sign, the bracket is empty or an option is not
// positive, Error when f is not finite. A slope of zero or NaN means a bisection.
Root find_root(const std::function<ValueAndSlope(double)>& f, double low, double high,
               const RootOptions& options = {});

}  // namespace lathe::math
