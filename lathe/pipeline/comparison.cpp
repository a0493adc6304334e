#include "lathe/pipeline/comparison.h"

#include <fmt/format.h>

#include <optional>

#include "lathe/core/progress.h"
#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

std::optional<double> metric(const std::optional<StageReport>& report, const std::string& name,
                             const std::string& split) {
  if (report)
    for (const BundleMetric& m : report->metrics)
      if (m.name == name && m.split == split) return m.value;
  return std::nullopt;
}

core::Cell number(std::optional<double> value, double factor, int digits) {
  return value ? core::Cell(factor * *value, digits) : core::Cell("");
}

std::string name_of(const Bundle& bundle) {
  return std::filesystem::absolute(bundle.path()).lexically_normal().filename().string();
}

}  // namespace

Section comparison(const std::vector<Bundle>& bundles) {
  Section section{.title = "Beside each other"};
  core::Table table({"bundle", "optimizer", "steps", "gradient evaluations", "training time",
                     "holdout accuracy %", "test accuracy %"});
  std::vector<core::Series> curves;
  for (const Bundle& bundle : bundles) {
    const std::optional<StageReport> train = bundle.stage("train"), evaluate = bundle.stage("evaluate");
    const nlohmann::json details = train ? train->details : nlohmann::json();
    const std::optional<double> seconds = metric(train, "training_time", "");
    table.add({name_of(bundle), detail_text(details, "/optimizer"), number(metric(train, "steps", ""), 1, 0),
               number(metric(train, "gradient_evaluations", ""), 1, 0),
               seconds ? core::human_seconds(*seconds) : "",
               number(metric(evaluate, "accuracy", "holdout"), 100, 2),
               number(metric(evaluate, "accuracy", "test"), 100, 2)});
    core::Series curve{.name = name_of(bundle),
                       .x = detail_numbers(details, "/epochs/seconds"),
                       .y = detail_numbers(details, "/epochs/holdout_accuracy")};
    if (!curve.x.empty() && curve.x.size() == curve.y.size()) curves.push_back(std::move(curve));
  }
  section.tables.push_back(std::move(table));
  if (!curves.empty())
    section.charts.push_back(core::line_chart({.title = "Holdout accuracy against training time",
                                               .x_label = "seconds",
                                               .width = 640,
                                               .height = 280},
                                              curves));
  return section;
}

}  // namespace lathe::pipeline
