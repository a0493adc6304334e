#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/pipeline/job.h"

namespace lathe::pipeline {

struct StageContext {
  Job& job;
  std::filesystem::path staged;  // where the stage's files go; they move into the bundle when it has ended
  std::filesystem::path
      checkpoint;  // a file or directory where a long stage may keep what it needs to go
                   // on after an interruption; bound to its inputs, removed when it has ended
};

struct Stage {
  std::string name;
  std::vector<std::string> sections;  // of the configuration: what its result depends on, besides …
  std::vector<std::string> upstream;  // … these stages, their inputs and outputs
  StageReport (*run)(const StageContext& context);
};

// data -> train -> compile -> evaluate -> report, in this order.
const std::vector<Stage>& stages();

StageReport run_data(const StageContext& context);      // data.json
StageReport run_train(const StageContext& context);     // model.pt
StageReport run_compile(const StageContext& context);   // compiled/
StageReport run_evaluate(const StageContext& context);  // evaluate/: logits, labels, mistakes
StageReport run_report(const StageContext& context);    // report.html

struct StageOutcome {
  StageReport report;
  bool skipped = false;  // nothing that it depends on has changed
};
// Runs the stages up to and including `last` that are out of date, commits each, and writes the resolved
// pipeline.toml. Without `last`: all.
std::vector<StageOutcome> run_stages(Job& job, const std::string& last = "");

}  // namespace lathe::pipeline
