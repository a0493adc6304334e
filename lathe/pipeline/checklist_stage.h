#pragma once
#include <memory>
#include <nlohmann/json.hpp>

#include "lathe/nn/classifier.h"
#include "lathe/pipeline/report.h"
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {

ChecklistOptions checklist_options(const core::Config& table);  // of [evaluate.checklist]

// Throws InputError where the suite cannot be read, or is not for models of
// such data, or a gate has no test.
void check_checklist(const ChecklistOptions& options, const data::Schema& schema);

// Changes where the suite's file does; "" for a ready one.
std::string suite_hash(const ChecklistOptions& options);

// Runs the suite of [evaluate.checklist] on the model:
// evaluate/checklist/{results.json, report.html, junit.xml}, and what the
// report shows as details "checklist".
void run_checklist(const StageContext& context, const std::shared_ptr<nn::Classifier>& model,
                   StageReport& report);

// The matrix of failure rates, and the tests beyond their limits with failing
// examples, from those details.
Section checklist_section(const nlohmann::json& evaluate);

// Throws GateError when the bundle's evaluate stage found a test beyond its
// limit.
void check_gates(const Bundle& bundle);

}  // namespace lathe::pipeline
