#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/pipeline/multitask.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

// What a training of several tasks leaves: each task's held-out accuracy, how alike their gradients were, and
// similarity.csv (step, component, task, other, cosine) below `staged`; the rest for the stage's details.
nlohmann::json keep_multitask(const Multitask& multitask, const std::filesystem::path& staged);

// The report's section of a train stage's details; empty where there is one task.
Section multitask_section(const nlohmann::json& train);

}  // namespace lathe::pipeline
