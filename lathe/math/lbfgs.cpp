#include "lathe/math/lbfgs.h"

#include <cmath>
#include <deque>

#include "lathe/core/error.h"
#include "lathe/math/line_search.h"

namespace lathe::math {
namespace {

using Eigen::VectorXd;

struct Pair {
  VectorXd step, change;  // s and y of the gradient
  double curvature;       // s'y > 0
};

// Algorithm 7.4: -H gradient by the two loops.
VectorXd descent_direction(const VectorXd& gradient, const std::deque<Pair>& pairs) {
  VectorXd q = -gradient;
  std::vector<double> alpha(pairs.size());
  for (size_t i = pairs.size(); i-- > 0;) {
    alpha[i] = pairs[i].step.dot(q) / pairs[i].curvature;
    q -= alpha[i] * pairs[i].change;
  }
  if (!pairs.empty()) q *= pairs.back().curvature / pairs.back().change.squaredNorm();
  for (size_t i = 0; i < pairs.size(); ++i)
    q += (alpha[i] - pairs[i].change.dot(q) / pairs[i].curvature) * pairs[i].step;
  return q;
}

double largest(const VectorXd& gradient) {
  return gradient.cwiseAbs().maxCoeff();
}

void check(const VectorXd& start, const LbfgsOptions& options) {
  if (start.size() == 0) throw InputError("lbfgs: the starting point is empty");
  if (options.memory < 1) throw InputError("lbfgs: memory must be at least 1, got {}", options.memory);
  if (!(options.tolerance >= 0))
    throw InputError("lbfgs: tolerance must not be negative, got {}", options.tolerance);
  if (options.max_iterations < 0)
    throw InputError("lbfgs: max_iterations must not be negative, got {}", options.max_iterations);
}

}  // namespace

LbfgsResult lbfgs(const Objective& objective, const VectorXd& start, const LbfgsOptions& options) {
  check(start, options);
  LbfgsResult result;
  const Objective counted = [&](const VectorXd& point) {
    ++result.evaluations;
    ValueAndGradient at = objective(point);
    if (at.gradient.size() != point.size())
      throw InputError("lbfgs: the gradient has {} components, the point {}", at.gradient.size(),
                       point.size());
    return at;
  };
  RayPoint current{.point = start, .at = counted(start)};
  if (!std::isfinite(current.at.value) || !current.at.gradient.allFinite())
    throw InputError("lbfgs: the function or its gradient is not finite at the starting point");

  std::deque<Pair> pairs;
  while (true) {
    if (largest(current.at.gradient) <= options.tolerance) {
      result.reason = LbfgsStop::kConverged;
      break;
    }
    if (result.iterations == options.max_iterations) break;
    VectorXd direction = descent_direction(current.at.gradient, pairs);
    current.step = 0;
    current.slope = direction.dot(current.at.gradient);
    // Without a memory the scale is unknown: a first step of length at most one.
    const double first_step = pairs.empty() ? std::min(1.0, 1 / current.at.gradient.norm()) : 1;
    std::optional<RayPoint> next;
    if (current.slope < 0) next = wolfe_line_search(counted, current, direction, first_step);
    if (!next && !pairs.empty()) {
      pairs.clear();
      continue;
    }
    if (!next) {
      result.reason = LbfgsStop::kNoFurtherDecrease;
      break;
    }
    ++result.iterations;
    Pair pair{next->point - current.point, next->at.gradient - current.at.gradient, 0};
    pair.curvature = pair.step.dot(pair.change);
    if (pair.curvature > 1e-16 * pair.change.squaredNorm()) pairs.push_back(std::move(pair));
    if (static_cast<int64_t>(pairs.size()) > options.memory) pairs.pop_front();
    current = std::move(*next);
  }
  result.point = std::move(current.point);
  result.value = current.at.value;
  result.gradient_norm = largest(current.at.gradient);
  return result;
}

}  // namespace lathe::math
