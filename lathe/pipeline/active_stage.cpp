#include "lathe/pipeline/active_stage.h"

#include <fmt/format.h>

#include <cmath>

#include "lathe/core/files.h"
#include "lathe/pipeline/active_page.h"
#include "lathe/pipeline/active_pool.h"
#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

namespace active = evaluate::active;
using nlohmann::json;

constexpr const char* kDirectory = "evaluate/active";

double number(const json& details, const std::string& path) {
  const json& value = detail(details, path);
  return value.is_number() ? value.get<double>() : std::nan("");
}

std::vector<double> column(const json& rows, const std::string& path) {
  std::vector<double> values;
  for (const json& row : rows.is_array() ? rows : json::array()) values.push_back(number(row, path));
  return values;
}

}  // namespace

active::ActiveOptions active_stage_options(const core::Config& table, uint64_t seed) {
  active::ActiveOptions options =
      active::read_options(table, {.seed = core::Seed(seed).stream("active").value()});
  if (options.acquisition == active::Acquisition::kGiven)
    table.fail("acquisition",
               "= \"given\" is for `lathe evaluate active next`: a pipeline has no such scores");
  return options;
}

void check_active(const active::ActiveOptions& options, const nn::Classifier& model) {
  if (options.acquisition == active::Acquisition::kBald) dropout_of(model);
}

void run_active(const StageContext& context, nn::Classifier& model, const data::Dataset& test,
                StageReport& report) {
  const active::ActiveOptions& options = *context.job.options().evaluate.active;
  const active::Truth truth{
      active_pool(model, test, options.acquisition, core::Seed(options.seed).stream("members")),
      labels_of(test)};
  const active::Report result =
      active::report(active::simulate(truth.pool, truth.labels, options), {}, &truth);
  std::filesystem::create_directories(context.staged / kDirectory);
  const json details = active::to_json(result);
  core::write_file(context.staged / kDirectory / "report.json", details.dump(1) + "\n");
  core::write_file(context.staged / kDirectory / "report.html",
                   render_html(active_page(result, context.job.options().name, "active test")));
  const std::string unit = fmt::format("{} labels", result.num_used);
  for (const active::EstimateRow& row : result.estimates)
    if (row.name == "accuracy") {
      report.metrics.push_back({"active_accuracy", "test", row.value, unit});
      report.metrics.push_back({"active_accuracy_low", "test", row.interval.low, unit});
      report.metrics.push_back({"active_accuracy_high", "test", row.interval.high, unit});
    }
  report.details["active"] = {{"num_used", result.num_used},
                              {"num_pool", result.num_pool},
                              {"effective_size", result.effective_size},
                              {"estimates", details.at("estimates")},
                              {"trajectory", details.at("trajectory")}};
}

Section active_section(const json& evaluate) {
  Section section{.title = "Active test"};
  const json& details = detail(evaluate, "/active");
  if (!details.is_object()) return section;
  section.text = fmt::format(
      "What {} chosen labels of {} say, beside the truth from all: labels were drawn by chance, the likelier "
      "the "
      "less sure the model was, and weights undo that. A test of the next model could do with as few. More "
      "is in "
      "{}/report.html.",
      detail_text(details, "/num_used"), detail_text(details, "/num_pool"), kDirectory);
  core::Table table({"metric", "estimate", "low", "high", "unweighted", "truth"});
  const json& estimates = detail(details, "/estimates");
  double truth = std::nan("");
  for (const json& row : estimates.is_array() ? estimates : json::array()) {
    if (!detail_text(row, "/class").empty()) continue;
    table.add({detail_text(row, "/metric"), number(row, "/value"), number(row, "/interval/0"),
               number(row, "/interval/1"), number(row, "/unweighted"), number(row, "/truth")});
    if (detail_text(row, "/metric") == "accuracy") truth = number(row, "/truth");
  }
  if (table.size() > 0) section.tables.push_back(std::move(table));
  const json& points = detail(details, "/trajectory");
  const std::vector<double> labels = column(points, "/labels");
  if (labels.size() < 2) return section;
  std::vector<core::Series> series = {
      {.name = "weighted",
       .x = labels,
       .y = column(points, "/value"),
       .low = column(points, "/interval/0"),
       .high = column(points, "/interval/1")},
      {.name = "unweighted", .x = labels, .y = column(points, "/unweighted")},
      {.name = "truth", .x = {labels.front(), labels.back()}, .y = {truth, truth}}};
  section.charts.push_back(core::line_chart(
      {.title = "Estimated accuracy by labels", .x_label = "labels", .y_label = "accuracy"}, series));
  return section;
}

}  // namespace lathe::pipeline
