#include "lathe/pipeline/comparison.h"

#include <fmt/format.h>

#include <optional>

#include "lathe/core/progress.h"
#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

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
    const std::vector<StageReport> stages = bundle.stages();
    const std::optional<StageReport> train = bundle.stage("train");
    const nlohmann::json details = train ? train->details : nlohmann::json();
    const std::optional<double> seconds = find_metric(stages, "training_time", "");
    table.add({name_of(bundle), detail_text(details, "/optimizer"),
               number(find_metric(stages, "steps", ""), 1, 0),
               number(find_metric(stages, "gradient_evaluations", ""), 1, 0),
               seconds ? core::human_seconds(*seconds) : "",
               number(find_metric(stages, "accuracy", "holdout"), 100, 2),
               number(find_metric(stages, "accuracy", "test"), 100, 2)});
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
