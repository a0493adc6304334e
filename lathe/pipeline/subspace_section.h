#pragma once
#include <nlohmann/json.hpp>

#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// The report's section of a train stage's details; empty where there is no subspace.
Section subspace_section(const nlohmann::json& train);

}  // namespace lathe::pipeline
