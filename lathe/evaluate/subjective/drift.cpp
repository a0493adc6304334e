#include "lathe/evaluate/subjective/drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_set>

#include "lathe/core/error.h"
#include "lathe/evaluate/agreement.h"
#include "lathe/evaluate/subjective/partitions.h"
#include "lathe/math/hypothesis.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::subjective {
namespace {

struct Measured {
  double estimate = std::nan(""), standard_error = std::nan("");
};
using Wave = std::map<std::string, Measured>;

// What is averaged: the label's share, or the value. Names begin with what the wave was restricted to.
void add_answers(const data::Annotations& annotations, const data::Attribute& groups,
                 const std::string& where, const math::BootstrapOptions& options, Wave& wave) {
  const auto classes = static_cast<size_t>(annotations.scale.num_classes());
  const size_t width = std::max<size_t>(classes, 1), num_groups = groups.values.size();
  const auto estimates = math::bootstrap_two_way(
      annotations.num_items(), annotations.num_annotators(),
      [&](const math::TwoWayWeights& weights) {
        std::vector<double> sums(num_groups * width), totals(num_groups);
        for (size_t row = 0; row < annotations.item.size(); ++row) {
          const auto annotator = static_cast<size_t>(annotations.annotator[row]);
          const auto group = static_cast<size_t>(groups.codes[annotator]);
          const double w =
              weights.rows[static_cast<size_t>(annotations.item[row])] * weights.columns[annotator];
          totals[group] += w;
          if (classes > 0)
            sums[group * width + static_cast<size_t>(annotations.label[row])] += w;
          else
            sums[group] += w * annotations.value[row];
        }
        for (size_t i = 0; i < sums.size(); ++i)
          sums[i] = totals[i / width] > 0 ? sums[i] / totals[i / width] : std::nan("");
        return sums;
      },
      options);
  for (size_t i = 0; i < estimates.size(); ++i) {
    const std::string answer =
        classes > 0 ? "share of " + annotations.scale.classes[i % width] : "mean answer";
    const std::string group = num_groups > 1 ? ", " + groups.values[i / width] : "";
    wave[answer + where + group] = {estimates[i].estimate, estimates[i].standard_error};
  }
}

data::Attribute everybody(const data::Annotations& annotations) {
  return data::annotator_groups(annotations, {});
}

// The annotations of samples whose name is among `names`, with the samples and annotators that they have.
data::Annotations of_items(const data::Annotations& annotations,
                           const std::unordered_set<std::string>& names) {
  std::vector<int64_t> rows;
  for (size_t row = 0; row < annotations.item.size(); ++row)
    if (names.count(annotations.items[static_cast<size_t>(annotations.item[row])]) > 0)
      rows.push_back(static_cast<int64_t>(row));
  return data::select(annotations, rows);
}

std::unordered_set<std::string> annotated_items(const data::Annotations& annotations) {
  std::unordered_set<std::string> names;
  for (const int32_t item : annotations.item) names.insert(annotations.items[static_cast<size_t>(item)]);
  return names;
}

Wave measure(const data::Annotations& annotations, const std::unordered_set<std::string>& common,
             const DriftOptions& options, core::Seed seed) {
  math::BootstrapOptions bootstrap = options.bootstrap;
  bootstrap.seed = seed;
  Wave wave;
  const data::Attribute all = everybody(annotations);
  add_answers(annotations, all, "", bootstrap, wave);
  const auto alpha =
      krippendorff_intervals(annotations, natural_distance(annotations.scale.kind), all, bootstrap);
  wave["Krippendorff's alpha"] = {alpha[0].estimate, alpha[0].standard_error};
  if (common.size() < 2) return wave;
  const data::Annotations shared = of_items(annotations, common);
  add_answers(shared, everybody(shared), ", common samples", bootstrap, wave);
  for (const data::Attribute& groups : group_partitions(shared, options.attributes))
    if (groups.values.size() > 1)
      add_answers(shared, groups, ", common samples, " + groups.name, bootstrap, wave);
  return wave;
}

// How many annotators have each value of the attribute; by name, so that waves can be compared.
std::map<std::string, double> people_by_value(const data::Annotations& annotations, const std::string& name) {
  const data::Attribute groups = data::annotator_groups(annotations, {name});
  const std::vector<int64_t> counts = members(annotations, groups);
  std::map<std::string, double> people;
  for (size_t g = 0; g < counts.size(); ++g) people[groups.values[g]] = static_cast<double>(counts[g]);
  return people;
}

Change change_of_people(const data::Annotations& before, const data::Annotations& after,
                        const std::string& attribute) {
  std::map<std::string, std::pair<double, double>> counts;
  double n = 0, m = 0;
  for (const auto& [value, count] : people_by_value(before, attribute)) n += counts[value].first = count;
  for (const auto& [value, count] : people_by_value(after, attribute)) m += counts[value].second = count;
  double variation = 0, chi_square = 0, num_values = 0;
  for (const auto& [value, pair] : counts) {
    const auto [x, y] = pair;
    if (x + y == 0) continue;
    ++num_values;
    variation += std::abs(x / n - y / m) / 2;
    const double expected = (x + y) / (n + m);
    chi_square += (x - n * expected) * (x - n * expected) / (n * expected) +
                  (y - m * expected) * (y - m * expected) / (m * expected);
  }
  const double none = std::nan("");
  return {.what = "total variation of annotators' " + attribute,
          .before = 0,
          .after = variation,
          .difference = {none, none},
          .p_value = num_values > 1 ? math::chi_square_upper_tail(chi_square, num_values - 1) : 1};
}

}  // namespace

std::vector<Change> drift(const data::Annotations& before, const data::Annotations& after,
                          const DriftOptions& options) {
  if (before.scale.kind != after.scale.kind || before.scale.classes != after.scale.classes)
    throw InputError("the two waves have different scales of labels");
  std::unordered_set<std::string> common;
  const std::unordered_set<std::string> old = annotated_items(before);
  for (const std::string& name : annotated_items(after))
    if (old.count(name) > 0) common.insert(name);

  const Wave first = measure(before, common, options, options.bootstrap.seed.stream("before"));
  const Wave second = measure(after, common, options, options.bootstrap.seed.stream("after"));
  const double z = math::normal_quantile((1 + options.bootstrap.confidence) / 2);
  std::vector<Change> changes;
  for (const auto& [what, was] : first) {
    const auto found = second.find(what);
    if (found == second.end()) continue;  // a group that only one wave has: its attribute's line tells
    const Measured& is = found->second;
    const double difference = is.estimate - was.estimate;
    const double error = std::hypot(was.standard_error, is.standard_error);
    Change change{.what = what, .before = was.estimate, .after = is.estimate};
    change.difference = {difference - z * error, difference + z * error};
    if (error > 0) change.p_value = 2 * math::normal_cdf(-std::abs(difference) / error);
    if (error == 0 && difference != 0) change.p_value = 0;
    changes.push_back(change);
  }
  for (const std::string& attribute : options.attributes)
    changes.push_back(change_of_people(before, after, attribute));

  std::vector<double> p_values;
  for (const Change& change : changes) p_values.push_back(change.p_value);
  p_values = math::holm(p_values);
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i].p_value = p_values[i];
    changes[i].changed = p_values[i] <= 1 - options.bootstrap.confidence;
  }
  return changes;
}

core::Table drift_table(const std::vector<Change>& changes) {
  core::Table table({"measure", "before", "after", "difference", "p", "changed"});
  for (const Change& change : changes)
    table.add({change.what, change.before, change.after,
               std::isnan(change.difference.low)
                   ? std::string("–")
                   : fmt::format("[{:+.3f}, {:+.3f}]", change.difference.low, change.difference.high),
               core::Cell(change.p_value, 2), change.changed ? "yes" : "no"});
  return table;
}

}  // namespace lathe::evaluate::subjective
