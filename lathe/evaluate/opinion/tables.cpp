#include "lathe/evaluate/opinion/tables.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "lathe/core/printable.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr std::array<const char*, 4> kCauseMeasures = {"accuracy", "worst_decile", "group_gap",
                                                       "user_variance"};

void append(std::vector<core::Cell>& row, const Estimate& estimate) {
  row.insert(row.end(), {estimate.value, estimate.interval.low, estimate.interval.high});
}

void append_columns(std::vector<std::string>& columns, const std::string& name) {
  columns.insert(columns.end(), {name, name + " low", name + " high"});
}

}  // namespace

core::Table unfairness_table(const Measurement& measurement) {
  core::Table table({"measure", "value", "low", "high", "meaning"});
  for (size_t m = 0; m < measures().size(); ++m) {
    std::vector<core::Cell> row = {measures()[m].name};
    append(row, measurement.unfairness[m]);
    row.emplace_back(measures()[m].meaning);
    table.add(std::move(row));
  }
  return table;
}

core::Table scores_table(const Measurement& measurement) {
  core::Table table({"criterion", "metric", "F", "F low", "F high", "G", "G low", "G high", "note"});
  for (const BinTable& bins : measurement.tables)
    for (size_t m = 0; m < bins.metrics.size(); ++m) {
      std::vector<core::Cell> row = {to_string(bins.criterion), to_string(bins.metrics[m])};
      append(row, bins.scores[m].fairness);
      append(row, bins.scores[m].general);
      row.emplace_back(bins.scores[m].note);
      table.add(std::move(row));
    }
  return table;
}

core::Table bins_table(const BinTable& bins) {
  std::vector<std::string> columns = {to_string(bins.criterion), "people", "annotations"};
  for (const Metric metric : bins.metrics) append_columns(columns, to_string(metric));
  columns.emplace_back("note");
  core::Table table(columns);
  for (const Bin& bin : bins.bins) {
    std::vector<core::Cell> row = {core::printable(bin.name), bin.num_annotators, bin.num_annotations};
    std::string note;
    for (size_t m = 0; m < bins.metrics.size(); ++m) {
      append(row, bin.values[m]);
      const std::string& why = bin.notes[m];
      if (why.empty()) continue;
      const bool of_all = std::count(bin.notes.begin(), bin.notes.end(), why) ==
                          static_cast<std::ptrdiff_t>(bin.notes.size());
      if (of_all && m > 0) continue;
      note += (note.empty() ? "" : "; ") + (of_all ? why : to_string(bins.metrics[m]) + ": " + why);
    }
    row.emplace_back(note);
    table.add(std::move(row));
  }
  return table;
}

core::Table users_table(const data::Annotations& annotations, const Measurement& measurement, size_t most) {
  core::Table table({"user", "group", "labels", "accuracy", "low", "high", "disagreement",
                     "disagreement with others", "p", "excluded"});
  const Users& all = measurement.users;
  const size_t count = most == 0 ? all.users.size() : std::min(most, all.users.size());
  for (size_t u = 0; u < count; ++u) {
    const User& user = all.users[u];
    table.add({core::printable(annotations.annotators[static_cast<size_t>(user.annotator)]),
               core::printable(measurement.groups[static_cast<size_t>(user.group)]), user.answered,
               user.accuracy(), user.interval.low, user.interval.high, user.disagreement,
               user.disagreement_with_others, user.p_value, user.excluded ? "yes" : "no"});
  }
  if (all.num_rare > 0) {
    const math::Interval interval = math::wilson_interval(all.rare_correct, all.rare_answered);
    table.add({fmt::format("rare ({} users)", all.num_rare), "", all.rare_answered,
               static_cast<double>(all.rare_correct) / static_cast<double>(all.rare_answered), interval.low,
               interval.high, "", "", "", ""});
  }
  return table;
}

core::Table slices_table(const Slices& slices, size_t most) {
  core::Table table(
      {"slice", "people", "annotations", "accuracy", "low", "high", "gap", "gap low", "gap high"});
  const size_t count = most == 0 ? slices.slices.size() : std::min(most, slices.slices.size());
  for (size_t s = 0; s < count; ++s) {
    const Slice& slice = slices.slices[s];
    std::vector<core::Cell> row = {core::printable(slice.name), slice.num_annotators, slice.num_annotations};
    append(row, slice.accuracy);
    append(row, slice.gap);
    table.add(std::move(row));
  }
  return table;
}

core::Table causes_table(const Causes& causes) {
  core::Table table({"measure", "predictor", "value", "low", "high"});
  for (const char* measure : kCauseMeasures)
    for (const Cause& cause : causes.predictors) {
      std::vector<core::Cell> row = {measure, core::printable(cause.predictor)};
      append(row, cause.measures[measure_index(measure)]);
      table.add(std::move(row));
    }
  return table;
}

core::Table steps_table(const Causes& causes) {
  core::Table table({"measure", "step", "from", "to", "difference", "low", "high"});
  for (const char* measure : kCauseMeasures)
    for (const Step& step : causes.steps) {
      std::vector<core::Cell> row = {measure, core::printable(step.name),
                                     core::printable(causes.predictors[step.from].predictor),
                                     core::printable(causes.predictors[step.to].predictor)};
      append(row, step.differences[measure_index(measure)]);
      table.add(std::move(row));
    }
  return table;
}

core::Table regression_table(const UserRegression& regression) {
  core::Table table({"accuracy of a user goes with", "coefficient", "low", "high", "fall of R2 without it"});
  for (const UserRegression::Term& term : regression.terms) {
    std::vector<core::Cell> row = {core::printable(term.name)};
    append(row, term.coefficient);
    row.push_back(std::isnan(term.r2_drop) ? core::Cell("") : core::Cell(term.r2_drop));
    table.add(std::move(row));
  }
  return table;
}

core::Table comparison_table(const std::vector<Difference>& differences) {
  core::Table table({"measure", "first", "second", "difference", "low", "high"});
  for (const Difference& one : differences) {
    std::vector<core::Cell> row = {one.name, one.first.value, one.second.value};
    append(row, one.difference);
    table.add(std::move(row));
  }
  return table;
}

}  // namespace lathe::evaluate::opinion
