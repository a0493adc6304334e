#pragma once
#include <nlohmann/json.hpp>

#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// The report's section of a compile stage: latency beside libtorch's, the slowest operations; why there is
// nothing, where the stage was skipped. Empty where it was turned off.
Section compiled_section(const std::vector<StageReport>& stages, const nlohmann::json& compile);

}  // namespace lathe::pipeline
