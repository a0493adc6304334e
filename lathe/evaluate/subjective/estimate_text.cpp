#include "lathe/evaluate/subjective/estimate_text.h"

#include <fmt/format.h>

#include <cmath>

namespace lathe::evaluate::subjective {

std::string with_interval(double estimate, const math::Interval& interval) {
  if (std::isnan(estimate)) return "–";
  if (std::isnan(interval.low)) return fmt::format("{:.3f}", estimate);
  // The space within the brackets does not break: pages are narrow.
  return fmt::format("{:.3f} [{:.3f},\u00a0{:.3f}]", estimate, interval.low, interval.high);
}

nlohmann::json json_number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

nlohmann::json json_interval(const math::Interval& interval) {
  return nlohmann::json::array({json_number(interval.low), json_number(interval.high)});
}

}  // namespace lathe::evaluate::subjective
