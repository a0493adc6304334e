#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/evaluate/subjective/estimate_text.h"
#include "lathe/evaluate/subjective/evaluation.h"

namespace lathe::evaluate::subjective {
namespace {

using Json = nlohmann::json;

std::string cell(const Slice& slice, const char* name) {
  const auto found = std::find_if(slice.metrics.begin(), slice.metrics.end(),
                                  [&](const Metric& metric) { return metric.name == name; });
  return found == slice.metrics.end() ? "–" : with_interval(found->estimate, found->interval);
}

std::string share(int64_t k, int64_t n, const math::Interval& interval) {
  if (n == 0 || std::isnan(interval.low)) return "–";
  return fmt::format("{:.0f} % [{:.0f},\u00a0{:.0f}]",
                     100.0 * static_cast<double>(k) / static_cast<double>(n), 100 * interval.low,
                     100 * interval.high);
}

Json slice_json(const Slice& slice) {
  Json json = {{"attribute", slice.attribute}, {"value", slice.value}, {"suppressed", slice.suppressed}};
  if (slice.suppressed) return json;
  json["annotations"] = slice.num_annotations;
  json["annotators"] = slice.num_annotators;
  json["samples"] = slice.num_samples;
  Json metrics = Json::object();
  for (const Metric& metric : slice.metrics)
    metrics[metric.name] = {{"estimate", json_number(metric.estimate)},
                            {"standard_error", json_number(metric.standard_error)},
                            {"interval", json_interval(metric.interval)}};
  json["metrics"] = std::move(metrics);
  return json;
}

Json exclusion_json(const Exclusion& of) {
  Json json = {{"attribute", of.attribute}, {"value", of.value}, {"suppressed", of.suppressed}};
  if (of.suppressed) return json;
  json["people"] = of.num_people;
  json["people_with_too_few_labels"] = of.num_too_few_labels;
  json["chance"] = of.chance;
  json["below_chance"] = of.below_chance;
  json["below_chance_interval"] = json_interval(of.chance_interval);
  json["minimum"] = json_number(of.minimum);
  json["below_minimum"] = std::isnan(of.minimum) ? Json() : Json(of.below_minimum);
  json["below_minimum_interval"] = json_interval(of.minimum_interval);
  return json;
}

Json self_json(const SelfConsistency& self) {
  Json json = {{"repeats", self.num_repeats}, {"annotators", self.num_annotators}};
  if (self.num_repeats == 0) return json;
  json["rate"] = json_number(self.rate.estimate);
  json["rate_interval"] = json_interval(self.rate.interval);
  json["kappa"] = json_number(self.kappa.estimate);
  json["kappa_interval"] = json_interval(self.kappa.interval);
  return json;
}

core::Table slices_table(const std::vector<Evaluation>& evaluations, const char* first,
                         std::vector<Slice> Evaluation::*slices, const std::vector<const char*>& names) {
  std::vector<std::string> columns = {"model", "attribute", first, "people", "annotations"};
  columns.insert(columns.end(), names.begin(), names.end());
  core::Table table(columns);
  for (const Evaluation& evaluation : evaluations)
    for (const Slice& slice : evaluation.*slices) {
      std::vector<core::Cell> row = {evaluation.model, slice.attribute, slice.value};
      if (slice.suppressed) {
        row.insert(row.end(), {"suppressed", "–"});
        row.resize(columns.size(), core::Cell("–"));
      } else {
        row.insert(row.end(), {slice.num_annotators, slice.num_annotations});
        for (const char* name : names) row.emplace_back(cell(slice, name));
      }
      table.add(std::move(row));
    }
  return table;
}

}  // namespace

core::Table metrics_table(const std::vector<Evaluation>& evaluations) {
  std::vector<std::string> columns = {"metric"};
  for (const Evaluation& evaluation : evaluations) columns.push_back(evaluation.model);
  core::Table table(columns);
  const auto add = [&](const std::string& name, const auto& value) {
    std::vector<core::Cell> row = {name};
    for (const Evaluation& evaluation : evaluations) row.emplace_back(value(evaluation));
    table.add(std::move(row));
  };
  if (evaluations.empty()) return table;
  add("annotations", [](const Evaluation& e) { return e.all.num_annotations; });
  add("annotators", [](const Evaluation& e) { return e.all.num_annotators; });
  add("samples", [](const Evaluation& e) { return e.all.num_samples; });
  for (const Metric& metric : evaluations[0].all.metrics)
    add(metric.name, [&](const Evaluation& e) { return cell(e.all, metric.name.c_str()); });
  add("self-consistency",
      [](const Evaluation& e) { return with_interval(e.self.rate.estimate, e.self.rate.interval); });
  return table;
}

core::Table groups_table(const std::vector<Evaluation>& evaluations) {
  return slices_table(evaluations, "group", &Evaluation::groups,
                      {"accuracy", "macro_accuracy", "gap", "person_sd", "gain_single"});
}

core::Table strata_table(const std::vector<Evaluation>& evaluations) {
  return slices_table(evaluations, "stratum", &Evaluation::strata,
                      {"accuracy", "prior", "ceiling_single", "ceiling_group"});
}

core::Table exclusion_table(const std::vector<Evaluation>& evaluations) {
  core::Table table(
      {"model", "attribute", "group", "people", "too few labels", "below chance", "below minimum"});
  for (const Evaluation& evaluation : evaluations)
    for (const Exclusion& of : evaluation.exclusions) {
      const std::string value = of.value.empty() ? "everybody" : of.value;
      if (of.suppressed)
        table.add({evaluation.model, of.attribute, value, "suppressed", "–", "–", "–"});
      else
        table.add({evaluation.model, of.attribute, value, of.num_people, of.num_too_few_labels,
                   share(of.below_chance, of.num_people, of.chance_interval),
                   share(of.below_minimum, of.num_people, of.minimum_interval)});
    }
  return table;
}

core::Table verdict_table(const std::vector<Evaluation>& evaluations) {
  core::Table table({"model", "criterion", "found", "wanted", "p", "verdict"});
  for (const Evaluation& evaluation : evaluations) {
    for (const Verdict& verdict : evaluation.verdicts)
      table.add({evaluation.model, verdict.criterion, verdict.found, verdict.wanted,
                 core::Cell(verdict.p_value, 2), to_string(verdict.decision)});
    table.add({evaluation.model, "all of them", "", "", "", to_string(evaluation.decision)});
  }
  return table;
}

std::vector<std::string> suppressed_groups(const Evaluation& evaluation) {
  std::vector<std::string> names;
  for (const Slice& slice : evaluation.groups)
    if (slice.suppressed) names.push_back(slice.attribute + ": " + slice.value);
  return names;
}

nlohmann::json to_json(const Evaluation& evaluation) {
  Json json = {{"model", evaluation.model},         {"confidence", evaluation.confidence},
               {"missing", evaluation.num_missing}, {"all", slice_json(evaluation.all)},
               {"groups", Json::array()},           {"strata", Json::array()},
               {"exclusions", Json::array()},       {"self_consistency", self_json(evaluation.self)},
               {"verdicts", Json::array()},         {"decision", to_string(evaluation.decision)}};
  for (const Slice& slice : evaluation.groups) json["groups"].push_back(slice_json(slice));
  for (const Slice& slice : evaluation.strata) json["strata"].push_back(slice_json(slice));
  for (const Exclusion& of : evaluation.exclusions) json["exclusions"].push_back(exclusion_json(of));
  for (const Verdict& verdict : evaluation.verdicts)
    json["verdicts"].push_back({{"criterion", verdict.criterion},
                                {"found", verdict.found},
                                {"wanted", verdict.wanted},
                                {"p_value", json_number(verdict.p_value)},
                                {"decision", to_string(verdict.decision)}});
  return json;
}

}  // namespace lathe::evaluate::subjective
