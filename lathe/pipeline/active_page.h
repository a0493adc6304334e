#pragma once
#include <string>

#include "lathe/evaluate/active/report.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// What an active test says: estimates with their intervals, how they came about label by label, the weights,
// the classes, and the last steps.
Page active_page(const evaluate::active::Report& report, const std::string& title,
                 const std::string& subtitle);

// The estimate label by label, with its interval, beside the unweighted mean and, where known, the truth.
core::Chart active_trajectory(const evaluate::active::Report& report);

}  // namespace lathe::pipeline
