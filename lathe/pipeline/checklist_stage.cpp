#include "lathe/pipeline/checklist_stage.h"

#include <fmt/ranges.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/checklist/html_report.h"
#include "lathe/evaluate/checklist/report.h"
#include "lathe/pipeline/checklist_predictor.h"
#include "lathe/pipeline/checklist_suite.h"
#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

namespace checklist = evaluate::checklist;
using nlohmann::json;

constexpr const char* kDirectory = "evaluate/checklist";
constexpr size_t kExamples = 3;  // of a test that is beyond its limit

// A gate on a test holds before one on its capability.
checklist::Gates gates_of(const ChecklistOptions& options, const checklist::Suite& suite) {
  checklist::Gates gates;
  if (options.fail_above < 1) gates.fail_above = options.fail_above;
  gates.by_pattern.assign(options.gates.begin(), options.gates.end());
  const std::vector<std::string> rows = checklist::capabilities(suite);
  std::stable_partition(gates.by_pattern.begin(), gates.by_pattern.end(), [&](const auto& gate) {
    return std::find(rows.begin(), rows.end(), gate.first) != rows.end();
  });
  return gates;
}

// The tests that fail more often than they may.
json beyond_limits(const checklist::Results& results, const checklist::Gates& gates) {
  json tests = json::array();
  for (size_t t = 0; t < results.tests.size(); ++t) {
    const checklist::Test& test = results.suite.tests[t];
    const std::optional<double> limit = gates.limit(test);
    const double rate = results.tests[t].failure_rate();
    if (!limit || !(rate > *limit)) continue;
    json examples = json::array();
    for (const checklist::FailedCase& failed : checklist::failed_cases(results, t, kExamples))
      examples.push_back(failed.text);
    tests.push_back({{"test", test.capability + ": " + test.name},
                     {"failure_rate", rate},
                     {"limit", *limit},
                     {"examples", examples}});
  }
  return tests;
}

// What check_gates has against the results; "" for nothing.
std::string complaint(const checklist::Results& results, const checklist::Gates& gates) {
  try {
    checklist::check_gates(results, gates);
    return "";
  } catch (const GateError& error) {
    return error.what();
  }
}

std::string percent(const json& rate) {
  return rate.is_number() ? fmt::format("{:.1f} %", 100 * rate.get<double>()) : "";
}

}  // namespace

ChecklistOptions checklist_options(const core::Config& table) {
  ChecklistOptions options;
  options.suite = table.text("suite");
  options.fail_above = table.number("fail_above", options.fail_above, core::Range::unit());
  options.cases_per_test = table.integer("cases_per_test", options.cases_per_test, core::Range::at_least(1));
  const core::Config gates = table.section("gates");
  for (const std::string& name : gates.keys())
    options.gates[name] = gates.number(name, std::nullopt, core::Range::unit());
  return options;
}

void check_checklist(const ChecklistOptions& options, const data::Schema& schema) {
  const checklist::Suite suite = load_suite(options.suite);
  check_fits(suite, schema);
  checklist::require_gates(suite, gates_of(options, suite));
}

std::string suite_hash(const ChecklistOptions& options) {
  return std::filesystem::is_regular_file(options.suite) ? core::sha256_file(options.suite) : "";
}

void run_checklist(const StageContext& context, const std::shared_ptr<nn::Classifier>& model,
                   StageReport& report) {
  const ChecklistOptions& options = *context.job.options().evaluate.checklist;
  checklist::Suite suite =
      checklist::with_sample(load_suite(options.suite), options.cases_per_test, context.job.options().seed);
  const checklist::Gates gates = gates_of(options, suite);
  const checklist::Predictor predictor = classifier_predictor(model, suite);
  const checklist::Results results =
      checklist::run(std::move(suite), predictor, {.model = context.job.options().name});

  std::filesystem::create_directories(context.staged / kDirectory);
  const auto write = [&](const char* name, const std::string& text) {
    core::write_file(context.staged / kDirectory / name, text);
  };
  write("results.json", checklist::to_text(results));
  write("report.html", checklist::html_report(results));
  write("junit.xml", checklist::junit_xml(results, gates));
  report.details["checklist"] = {{"suite", results.suite.name},
                                 {"matrix", checklist::matrix_table(results).to_json()},
                                 {"beyond", beyond_limits(results, gates)},
                                 {"complaint", complaint(results, gates)}};
  int64_t failed = 0, applicable = 0;
  for (const checklist::TestResult& result : results.tests) {
    failed += result.num_failed;
    applicable += result.num_applicable();
  }
  if (applicable > 0)
    report.metrics.push_back({"failure_rate", results.suite.name,
                              static_cast<double>(failed) / static_cast<double>(applicable), ""});
}

Section checklist_section(const json& evaluate) {
  Section section{.title = "Behavioural tests"};
  const json& details = detail(evaluate, "/checklist");
  const json& matrix = detail(details, "/matrix");
  if (!matrix.is_array() || matrix.empty()) return section;
  section.text = fmt::format(
      "Which share of the cases of the suite \"{}\" fails, by "
      "capability and kind of test: minimum "
      "functionality (MFT), invariance (INV), direction (DIR); "
      "from the best test to the worst, and how many "
      "there are. All of them are in {}/report.html.",
      detail_text(details, "/suite"), kDirectory);
  core::Table table({"capability", "MFT", "INV", "DIR"});
  for (const json& row : matrix)
    table.add({detail_text(row, "/capability"), detail_text(row, "/MFT"), detail_text(row, "/INV"),
               detail_text(row, "/DIR")});
  section.tables.push_back(std::move(table));
  const json& beyond = detail(details, "/beyond");
  if (!beyond.is_array() || beyond.empty()) return section;
  core::Table tests({"beyond its limit", "failure rate", "limit", "examples"});
  for (const json& test : beyond)
    tests.add({detail_text(test, "/test"), percent(detail(test, "/failure_rate")),
               percent(detail(test, "/limit")),
               fmt::format("{}", fmt::join(detail_texts(test, "/examples"), "; "))});
  section.tables.push_back(std::move(tests));
  return section;
}

void check_gates(const Bundle& bundle) {
  const auto report = bundle.stage("evaluate");
  const std::string complaint = report ? detail_text(report->details, "/checklist/complaint") : "";
  if (!complaint.empty()) throw GateError(complaint);
}

}  // namespace lathe::pipeline
