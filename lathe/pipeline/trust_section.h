#pragma once
#include <nlohmann/json.hpp>

#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// How far the bundle's probabilities and prediction sets can be trusted, from the details of its evaluate
// stage: reliability before and after scaling, set sizes, coverage, small and large sets. Empty where nothing
// is there.
Section trust_section(const Bundle& bundle, const nlohmann::json& evaluate);

}  // namespace lathe::pipeline
