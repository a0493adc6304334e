#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "lathe/math/intervals.h"

// Estimates as people and programs read them.
namespace lathe::evaluate::subjective {

std::string with_interval(double estimate, const math::Interval& interval);  // 0.812 [0.798, 0.825]; –
nlohmann::json json_number(double value);                                    // null where not finite
nlohmann::json json_interval(const math::Interval& interval);                // [low, high]

}  // namespace lathe::evaluate::subjective
