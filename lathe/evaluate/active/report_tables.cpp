#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lathe/evaluate/active/report.h"

namespace lathe::evaluate::active {
namespace {

core::Cell number(double value) {
  return std::isnan(value) ? core::Cell("") : core::Cell(value);
}

core::Cell number(const std::optional<double>& value) {
  return value ? number(*value) : core::Cell("");
}

nlohmann::json interval_json(const math::Interval& interval) {
  return {interval.low, interval.high};
}

template <typename T, typename Has>
bool any(const std::vector<T>& values, const Has& has) {
  return std::any_of(values.begin(), values.end(), has);
}

}  // namespace

core::Table summary_table(const Report& report) {
  core::Table table({"", "value"});
  table.add({"points in the pool", report.num_pool})
      .add({"asked for", report.num_asked})
      .add({"answered and used", report.num_used});
  if (report.num_waiting > 0) table.add({"answers that wait", report.num_waiting});
  table.add({"estimator", to_string(report.options.estimator)})
      .add({"proposal", to_string(report.options.proposal.kind)})
      .add({"scores", to_string(report.options.acquisition)});
  if (report.num_used > 0) table.add({"as many uniform labels (ESS)", core::Cell(report.effective_size, 1)});
  return table;
}

core::Table estimates_table(const Report& report) {
  const bool classes = any(report.estimates, [](const auto& row) { return !row.of_class.empty(); });
  const bool anytime = any(report.estimates, [](const auto& row) { return row.anytime.has_value(); });
  const bool truth = any(report.estimates, [](const auto& row) { return row.truth.has_value(); });
  std::vector<std::string> columns = {"metric"};
  if (classes) columns.push_back("class");
  columns.insert(columns.end(), {"estimate", "std error", "low", "high"});
  if (anytime) columns.insert(columns.end(), {"anytime low", "anytime high"});
  columns.push_back("unweighted");
  if (truth) columns.push_back("truth");
  core::Table table(columns);
  for (const EstimateRow& row : report.estimates) {
    std::vector<core::Cell> cells = {row.name};
    if (classes) cells.push_back(row.of_class);
    cells.insert(cells.end(), {number(row.value), number(row.standard_error), number(row.interval.low),
                               number(row.interval.high)});
    if (anytime)
      cells.insert(cells.end(), {row.anytime ? number(row.anytime->low) : core::Cell(""),
                                 row.anytime ? number(row.anytime->high) : core::Cell("")});
    cells.push_back(number(row.plain));
    if (truth) cells.push_back(number(row.truth));
    table.add(std::move(cells));
  }
  return table;
}

core::Table classes_table(const Report& report) {
  core::Table table({"class", "labels", "share of labels", "share of pool", "low", "high"});
  for (const ClassBalance& c : report.classes)
    table.add({c.name, c.labels, c.share_of_labels, c.share_of_pool, c.interval.low, c.interval.high});
  return table;
}

core::Table weights_table(const Report& report) {
  core::Table table({"step", "id", "q", "score", "weight", "answer", "prediction", "loss"});
  for (const WeightedStep& s : report.steps)
    table.add({s.step, s.id, s.q, s.score, s.weight, s.answer, s.prediction, number(s.loss)});
  return table;
}

nlohmann::json to_json(const Report& report) {
  auto estimates = nlohmann::json::array(), trajectory = nlohmann::json::array();
  for (const EstimateRow& row : report.estimates) {
    estimates.push_back({{"metric", row.name},
                         {"class", row.of_class},
                         {"value", row.value},
                         {"standard_error", row.standard_error},
                         {"interval", interval_json(row.interval)}});
    if (row.anytime) estimates.back()["anytime_interval"] = interval_json(*row.anytime);
    if (row.plain) estimates.back()["unweighted"] = *row.plain;
    if (row.truth) estimates.back()["truth"] = *row.truth;
  }
  for (const TrajectoryPoint& point : report.trajectory)
    trajectory.push_back({{"labels", point.labels},
                          {"value", point.value},
                          {"unweighted", point.plain},
                          {"interval", interval_json(point.interval)}});
  return {{"num_pool", report.num_pool},
          {"num_asked", report.num_asked},
          {"num_used", report.num_used},
          {"num_waiting", report.num_waiting},
          {"options", to_json(report.options)},
          {"confidence", report.confidence},
          {"effective_size", report.effective_size},
          {"followed", report.followed},
          {"estimates", estimates},
          {"classes", classes_table(report).to_json()},
          {"weights", weights_table(report).to_json()},
          {"trajectory", trajectory},
          {"notes", report.notes}};
}

}  // namespace lathe::evaluate::active
