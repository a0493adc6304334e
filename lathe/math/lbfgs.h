#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <functional>

namespace lathe::math {

struct ValueAndGradient {
  double value = 0;
  Eigen::VectorXd gradient;
};

using Objective = std::function<ValueAndGradient(const Eigen::VectorXd&)>;

struct LbfgsOptions {
  int64_t memory = 10;            // pairs; Nocedal & Wright, §7.2: 3 to 20
  double tolerance = 1e-6;        // of the gradient's largest component, absolute
  int64_t max_iterations = 1000;  // line searches
};

enum class LbfgsStop {
  kConverged,  // the gradient is within the tolerance
  kMaxIterations,
  kNoFurtherDecrease  // not even steepest descent finds a lower value: rounding, or a wrong gradient
};

struct LbfgsResult {
  Eigen::VectorXd point;
  double value = 0;
  double gradient_norm = 0;  // largest component
  int64_t iterations = 0;
  int64_t evaluations = 0;
  LbfgsStop reason = LbfgsStop::kMaxIterations;
};

// A local minimum of a smooth function by L-BFGS (Nocedal & Wright, Numerical Optimization, algorithms 7.4
// and 7.5) with a strong Wolfe line search (algorithms 3.5 and 3.6 with cubic interpolation; c1 = 1e-4, c2 =
// 0.9). Where rounding hides the decrease, a slope that fulfils the approximate Wolfe conditions is enough
// (Hager & Zhang 2005, §2). Values that are not finite along the way count as too high, so a function may be
// infinite outside its domain. Deterministic.
//
// Throws InputError when the start is empty, the function or its gradient there is not finite, a gradient has
// another size, or an option makes no sense.
LbfgsResult lbfgs(const Objective& objective, const Eigen::VectorXd& start, const LbfgsOptions& options = {});

}  // namespace lathe::math
