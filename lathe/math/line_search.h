#pragma once
#include <optional>

#include "lathe/math/lbfgs.h"

namespace lathe::math {

// A point on the ray start + step direction.
struct RayPoint {
  double step = 0;
  double slope = 0;  // of the objective along the direction
  Eigen::VectorXd point = {};
  ValueAndGradient at = {};
};

// A step that fulfils the strong or the approximate Wolfe conditions; see lbfgs. `start.slope` must be
// negative, and `first_step` positive. None when there is no such step among 50.
std::optional<RayPoint> wolfe_line_search(const Objective& objective, const RayPoint& start,
                                          const Eigen::VectorXd& direction, double first_step);

}  // namespace lathe::math
