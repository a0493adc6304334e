#pragma once
#include <nlohmann/json.hpp>

#include "lathe/evaluate/active/options.h"
#include "lathe/nn/classifier.h"
#include "lathe/pipeline/report.h"
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {

// [evaluate.active]: what an active test with so many labels says of the model, beside the truth from all
// test labels; how many labels the next model's test will need.
evaluate::active::ActiveOptions active_stage_options(const core::Config& table, uint64_t seed);

// Throws InputError where such a model has no scores of that kind.
void check_active(const evaluate::active::ActiveOptions& options, const nn::Classifier& model);

// evaluate/active/{report.json, report.html}, and what the report shows as details "active".
void run_active(const StageContext& context, nn::Classifier& model, const data::Dataset& test,
                StageReport& report);

// Estimates beside the truth, and how the estimate came about, from those details.
Section active_section(const nlohmann::json& evaluate);

}  // namespace lathe::pipeline
