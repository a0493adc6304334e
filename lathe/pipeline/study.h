#pragma once
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/core/chart.h"
#include "lathe/core/interrupt.h"
#include "lathe/core/seed.h"
#include "lathe/core/table.h"

namespace lathe::pipeline {

enum class Scale { smoke, desk, paper };  // seconds; minutes on two cores; the paper's own configuration
std::string to_string(Scale scale);
Scale parse_scale(const std::string& name);  // throws InputError

// What a measured number must be.
struct Bar {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool met_by(double value) const { return value >= least && value <= most; }  // NaN misses
  std::string text() const;                                                    // "≥ 0.92"
};

struct StudyRow {
  std::string metric;
  std::optional<double> paper, baseline;
  double measured = 0;
  std::optional<Bar> bar;  // without one the row informs only
  bool timing = false;     // its verdict does not decide the exit code
};

struct StudyContext {
  Scale scale = Scale::desk;
  core::Seed seed{0};
  core::StopToken stop;
};

struct StudyResult {
  std::vector<StudyRow> rows;
  std::vector<core::Chart> charts;
  std::vector<std::string> notes;  // what was left out and why
};

struct Study {
  std::string name;  // the spec's
  std::string title;
  std::string paper;   // authors, venue, year, arXiv
  std::string claim;   // what the paper says and the study checks
  std::string module;  // the highest that it depends on; which sources make a result stale: study_sources.h
  std::function<StudyResult(const StudyContext&)> run;
};

// Called while the program starts, from studies/*.cpp:  static const bool registered = register_study({...});
bool register_study(Study study);
std::vector<Study> studies();                      // by name
const Study& find_study(const std::string& name);  // throws InputError with the nearest name

struct StudyReport {
  std::string study;
  Scale scale = Scale::desk;
  uint64_t seed = 0;
  double seconds = 0;
  StudyResult result;
  bool met() const;  // every bar but those of timings
};
StudyReport run_study(const Study& study, const StudyContext& context);
core::Table rows_table(const StudyReport& report);  // metric, paper, baseline, measured, bar, verdict
nlohmann::json to_json(const StudyReport& report);

// Results kept in the source tree, docs/results/NAME-SCALE.json, with the commit and a hash of the sources
// that the study depends on; docs/results.md is made of them.
void record_result(const StudyReport& report, const std::filesystem::path& source_tree);
std::string results_page(const std::filesystem::path& source_tree);                // Markdown
std::vector<std::string> stale_results(const std::filesystem::path& source_tree);  // one line each

}  // namespace lathe::pipeline
