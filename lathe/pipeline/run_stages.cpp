#include <fmt/core.h>

#include "lathe/core/progress.h"
#include "lathe/pipeline/checklist_stage.h"
#include "lathe/pipeline/opinion_stage.h"
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {
namespace {

// Raised when a stage's meaning changes, so that bundles made before are made again.
constexpr int kStageVersion = 1;

// A file that a section names counts with its content.
std::string named_file_hash(const core::Config& section) {
  return section.has("path") ? core::sha256_file(section.text("path")) + "\n" : "";
}

std::string inputs_hash(const Job& job, const Bundle& bundle, const Stage& stage) {
  std::string inputs = fmt::format("{} {} seed {} data {}\n", stage.name, kStageVersion, job.options().seed,
                                   job.setup().source().content_hash);
  for (const std::string& name : stage.sections) {
    const core::Config section = job.config().section(name);
    inputs += "[" + name + "]\n" + section.resolved() + named_file_hash(section);
  }
  if (stage.name == "evaluate" && job.options().evaluate.checklist)
    inputs += suite_hash(*job.options().evaluate.checklist) + "\n";
  if (stage.name == "evaluate" && job.options().evaluate.opinion)
    inputs += annotations_hash(*job.options().evaluate.opinion) + "\n";
  for (const std::string& name : stage.upstream)
    if (const auto report = bundle.stage(name))
      inputs += name + " " + report->inputs_hash + " " + report->outputs_hash + "\n";
  return core::sha256(inputs);
}

bool up_to_date(const Bundle& bundle, const StageReport& report, const std::string& hash) {
  return report.inputs_hash == hash && !report.details.contains("retry") &&
         std::all_of(report.files.begin(), report.files.end(),
                     [&](const auto& file) { return bundle.has(file); });
}

// Checkpoints of a stage whose inputs have changed since are of no use.
void remove_checkpoints(const Bundle& bundle, const std::string& stage,
                        const std::filesystem::path& except = {}) {
  for (const auto& entry : std::filesystem::directory_iterator(bundle.path())) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(stage + "-", 0) == 0 && entry.path().extension() == ".checkpoint" &&
        entry.path() != except)
      std::filesystem::remove_all(entry.path());
  }
}

StageReport run_stage(Job& job, const Stage& stage, const std::string& hash) {
  Bundle& bundle = job.bundle();
  const auto staged = bundle.stage_directory(stage.name);
  const auto checkpoint = bundle.file(stage.name + "-" + hash.substr(0, 12) + ".checkpoint");
  remove_checkpoints(bundle, stage.name, job.setup().how().fresh ? std::filesystem::path() : checkpoint);

  const auto started = std::chrono::steady_clock::now();
  StageReport report = stage.run({job, staged->path(), checkpoint});
  report.stage = stage.name;
  report.inputs_hash = hash;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  bundle.commit(*staged, report);
  remove_checkpoints(bundle, stage.name);
  return *bundle.stage(stage.name);
}

void write_configuration(const Bundle& bundle, const core::Config& config) {
  const std::string text = config.resolved();
  if (!bundle.has("pipeline.toml") || core::read_file(bundle.file("pipeline.toml")) != text)
    core::write_file(bundle.file("pipeline.toml"), text);
}

// A skipped stage's too, so that every run in the store has its numbers.
void log_metrics(Job& job, const StageReport& report) {
  std::vector<core::Metric> metrics;
  for (const BundleMetric& m : report.metrics)
    metrics.push_back({.name = m.name, .step = 0, .value = m.value, .split = m.split, .unit = m.unit});
  job.log(metrics);
}

}  // namespace

const std::vector<Stage>& stages() {
  static const std::vector<Stage> all = {
      {.name = "data", .sections = {"data"}, .upstream = {}, .run = run_data},
      {.name = "train", .sections = {"model", "optim", "train"}, .upstream = {"data"}, .run = run_train},
      {.name = "compile", .sections = {"compile"}, .upstream = {"train"}, .run = run_compile},
      {.name = "evaluate", .sections = {"evaluate"}, .upstream = {"data", "train"}, .run = run_evaluate},
      {.name = "report",
       .sections = {},
       .upstream = {"data", "train", "compile", "evaluate"},
       .run = run_report},
  };
  return all;
}

std::vector<StageOutcome> run_stages(Job& job, const std::string& last) {
  std::vector<StageOutcome> outcomes;
  const Bundle& bundle = job.bundle();
  for (const Stage& stage : stages()) {
    job.stop().check("before stage " + stage.name);
    const std::string hash = inputs_hash(job, bundle, stage);
    const auto done = bundle.stage(stage.name);
    const bool skip = done && up_to_date(bundle, *done, hash);
    outcomes.push_back({.report = skip ? *done : run_stage(job, stage, hash), .skipped = skip});
    if (!skip) write_configuration(bundle, job.config());
    log_metrics(job, outcomes.back().report);
    if (stage.name == last) break;
  }
  write_configuration(bundle, job.config());
  return outcomes;
}

}  // namespace lathe::pipeline
