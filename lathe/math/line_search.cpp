#include "lathe/math/line_search.h"

#include <algorithm>
#include <cmath>

namespace lathe::math {
namespace {

constexpr double kDecrease = 1e-4;   // c1
constexpr double kCurvature = 0.9;   // c2
constexpr double kRounding = 1e-14;  // relative error granted to values
constexpr int kMaxEvaluations = 50;
constexpr double kGrowth = 4;    // of the step while the bracket is open
constexpr double kMargin = 0.1;  // of the bracket, kept clear at both ends

bool finite(const RayPoint& p) {
  return std::isfinite(p.at.value) && std::isfinite(p.slope) && p.at.gradient.allFinite();
}

// The minimum of the cubic through two values and slopes (Nocedal & Wright, 3.59), kept off the ends; the
// middle when there is none.
double between(const RayPoint& a, const RayPoint& b) {
  const double width = b.step - a.step, middle = a.step + width / 2;
  if (!finite(b)) return a.step + kMargin * width;
  const double d1 = a.slope + b.slope - 3 * (a.at.value - b.at.value) / (a.step - b.step);
  const double square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return middle;
  const double d2 = std::copysign(std::sqrt(square), width);
  const double step = b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  if (!std::isfinite(step)) return middle;
  const double low = std::min(a.step, b.step), high = std::max(a.step, b.step),
               margin = kMargin * (high - low);
  return std::clamp(step, low + margin, high - margin);
}

class Search {
 public:
  Search(const Objective& objective, const RayPoint& start, const Eigen::VectorXd& direction)
      : objective_(objective), start_(start), direction_(direction) {}

  std::optional<RayPoint> run(double step) {
    RayPoint low = start_;
    while (evaluations_ < kMaxEvaluations) {
      RayPoint trial = evaluate(step);
      if (accepts(trial)) return trial;
      if (too_high(trial, low)) return zoom(std::move(low), std::move(trial));
      if (trial.slope >= 0) return zoom(std::move(trial), std::move(low));
      low = std::move(trial);
      step *= kGrowth;
    }
    return std::nullopt;
  }

 private:
  RayPoint evaluate(double step) {
    ++evaluations_;
    RayPoint trial{.step = step, .point = start_.point + step * direction_};
    trial.at = objective_(trial.point);
    trial.slope = trial.at.gradient.dot(direction_);
    return trial;
  }

  bool too_high(const RayPoint& trial, const RayPoint& low) const {
    return !finite(trial) || trial.at.value > start_.at.value + kDecrease * trial.step * start_.slope ||
           (low.step > 0 && trial.at.value >= low.at.value);
  }

  bool accepts(const RayPoint& trial) const {
    if (!finite(trial)) return false;
    const bool decreased = trial.at.value <= start_.at.value + kDecrease * trial.step * start_.slope;
    if (decreased && std::abs(trial.slope) <= kCurvature * -start_.slope) return true;
    return trial.at.value <= start_.at.value + kRounding * std::abs(start_.at.value) &&
           trial.slope >= kCurvature * start_.slope && trial.slope <= (2 * kDecrease - 1) * start_.slope;
  }

  // `low` has the lowest value that decreases enough, and its slope points to `high`.
  std::optional<RayPoint> zoom(RayPoint low, RayPoint high) {
    while (evaluations_ < kMaxEvaluations) {
      RayPoint trial = evaluate(between(low, high));
      if (accepts(trial)) return trial;
      if (too_high(trial, start_) || trial.at.value >= low.at.value) {
        high = std::move(trial);
        continue;
      }
      if (trial.slope * (high.step - low.step) >= 0) high = std::move(low);
      low = std::move(trial);
    }
    if (low.step > 0) return low;  // lower, if not flat enough
    return std::nullopt;
  }

  const Objective& objective_;
  const RayPoint& start_;
  const Eigen::VectorXd& direction_;
  int evaluations_ = 0;
};

}  // namespace

std::optional<RayPoint> wolfe_line_search(const Objective& objective, const RayPoint& start,
                                          const Eigen::VectorXd& direction, double first_step) {
  return Search(objective, start, direction).run(first_step);
}

}  // namespace lathe::math
