#pragma once
#include <nlohmann/json.hpp>

#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// The texts of a bundle: how long they are, and which words speak for which class. Empty for other data.
Section text_section(const nlohmann::json& data, const nlohmann::json& train);

}  // namespace lathe::pipeline
