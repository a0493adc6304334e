#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/pipeline/report.h"
#include "lathe/train/continual/train_tasks.h"

namespace lathe::pipeline {

// Over old tasks, layers and inputs; NaN where it was not measured.
double mean_interference(const train::continual::ContinualResult& result);

// What became of tasks learned in turn, for a train stage's details.
nlohmann::json to_json(const train::continual::ContinualResult& result, const std::vector<std::string>& tasks,
                       const std::string& method);

// The report's section of a train stage's details; empty where tasks were not learned in turn.
Section continual_section(const nlohmann::json& train);

}  // namespace lathe::pipeline
