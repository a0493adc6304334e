#include "lathe/evaluate/subjective/stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/evaluate/subjective/estimate_text.h"

namespace lathe::evaluate::subjective {
namespace {

using Json = nlohmann::json;

// The share of each group's annotations that are the majority of the others'; everybody first.
std::vector<math::TwoWayEstimate> agreement_with_others(const data::Annotations& annotations,
                                                        const data::Attribute& groups,
                                                        const math::BootstrapOptions& options) {
  const std::vector<int32_t> others = leave_one_out_majority(annotations, count_votes(annotations));
  return math::bootstrap_two_way(
      annotations.num_items(), annotations.num_annotators(),
      [&](const math::TwoWayWeights& weights) {
        std::vector<double> same(groups.values.size() + 1), all(same.size());
        for (size_t row = 0; row < others.size(); ++row) {
          if (others[row] == kNoMajority) continue;
          const auto annotator = static_cast<size_t>(annotations.annotator[row]);
          const double w =
              weights.rows[static_cast<size_t>(annotations.item[row])] * weights.columns[annotator];
          const auto group = static_cast<size_t>(groups.codes[annotator]) + 1;
          all[group] += w;
          same[group] += others[row] == annotations.label[row] ? w : 0;
        }
        for (size_t g = 1; g < all.size(); ++g) {
          all[0] += all[g];
          same[0] += same[g];
        }
        for (size_t g = 0; g < all.size(); ++g) same[g] = all[g] > 0 ? same[g] / all[g] : std::nan("");
        return same;
      },
      options);
}

math::TwoWayEstimate not_defined() {
  const double none = std::nan("");
  return {.estimate = none, .standard_error = none, .interval = {none, none}};
}

void add_groups(const data::Annotations& annotations, const data::Attribute& groups,
                const StatsOptions& options, Stats& stats) {
  const auto alphas = krippendorff_intervals(annotations, stats.distance, groups, options.bootstrap);
  const bool classes = annotations.scale.num_classes() > 0;
  std::vector<math::TwoWayEstimate> others(alphas.size(), not_defined());
  if (classes) others = agreement_with_others(annotations, groups, options.bootstrap);
  const std::vector<int64_t> people = members(annotations, groups);
  std::vector<int64_t> labels(people.size());
  for (const int32_t annotator : annotations.annotator)
    ++labels[static_cast<size_t>(groups.codes[static_cast<size_t>(annotator)])];
  if (stats.groups.empty())
    stats.groups.push_back({.num_annotators = stats.num_annotators,
                            .num_annotations = stats.num_annotations,
                            .alpha = alphas[0],
                            .others = others[0]});
  if (groups.name.empty()) return;
  for (size_t g = 0; g < people.size(); ++g)
    stats.groups.push_back({.attribute = groups.name,
                            .value = groups.values[g],
                            .num_annotators = people[g],
                            .num_annotations = labels[g],
                            .suppressed = people[g] < options.min_group_size,
                            .alpha = alphas[g + 1],
                            .others = others[g + 1]});
}

Json estimate_json(const math::TwoWayEstimate& of) {
  return {{"estimate", json_number(of.estimate)},
          {"standard_error", json_number(of.standard_error)},
          {"interval", json_interval(of.interval)}};
}

const char* name_of(Distance distance) {
  switch (distance) {
    case Distance::nominal:
      return "nominal";
    case Distance::ordinal:
      return "ordinal";
    case Distance::interval:
      break;
  }
  return "interval";
}

// Mean over items; NaN ones are left out.
double mean_of(const std::vector<ItemAgreement>& items, double ItemAgreement::*member) {
  double sum = 0, n = 0;
  for (const ItemAgreement& item : items)
    if (!std::isnan(item.*member)) {
      sum += item.*member;
      ++n;
    }
  return n > 0 ? sum / n : std::nan("");
}

}  // namespace

Stats stats(const data::Annotations& annotations, const StatsOptions& options) {
  Stats result;
  result.annotators_of_samples = annotators_of_samples(annotations);
  result.samples_of_annotators = samples_of_annotators(annotations);
  result.num_items = result.annotators_of_samples.num;
  result.num_annotators = result.samples_of_annotators.num;
  result.num_annotations = annotations.size();
  result.num_components = num_components(annotations);
  result.distance = natural_distance(annotations.scale.kind);
  result.classes = annotations.scale.classes;
  if (annotations.scale.num_classes() > 0) {
    const Votes votes = count_votes(annotations);
    for (const ItemAgreement& item : item_agreement(votes))
      if (!std::isnan(item.largest_share)) result.items.push_back(item);
    result.class_shares.assign(result.classes.size(), 0);
    for (const int32_t label : annotations.label)
      result.class_shares[static_cast<size_t>(label)] += 1 / static_cast<double>(annotations.size());
  }
  const std::vector<data::Attribute> partitions = group_partitions(annotations, options.attributes);
  for (const data::Attribute& groups : partitions) add_groups(annotations, groups, options, result);
  if (partitions.empty())
    add_groups(annotations, {"", {"all"}, std::vector<int32_t>(annotations.annotators.size(), 0)}, options,
               result);
  result.self = self_consistency(annotations, options.bootstrap);
  return result;
}

core::Table items_table(const data::Annotations& annotations) {
  const Votes votes = count_votes(annotations);
  const std::vector<int32_t> majorities = majority(votes);
  const std::vector<ItemAgreement> agreement = item_agreement(votes);
  std::vector<std::string> columns = {"item", "majority", "agreement", "largest_share", "entropy"};
  for (const std::string& name : annotations.scale.classes) columns.push_back("votes_" + name);
  core::Table table(columns);
  for (size_t i = 0; i < annotations.items.size(); ++i) {
    if (majorities[i] == kNoMajority) continue;
    std::vector<core::Cell> row = {annotations.items[i],
                                   annotations.scale.classes[static_cast<size_t>(majorities[i])],
                                   agreement[i].agreement, agreement[i].largest_share, agreement[i].entropy};
    for (int64_t c = 0; c < votes.num_classes; ++c)
      row.emplace_back(int64_t{votes.of(static_cast<int64_t>(i))[c]});
    table.add(std::move(row));
  }
  return table;
}

core::Table sizes_table(const Stats& stats) {
  core::Table table({"", "value"});
  table.add({"annotations", stats.num_annotations})
      .add({"samples", stats.num_items})
      .add({"annotators", stats.num_annotators})
      .add({"annotators of a sample",
            fmt::format("{} … {}, mean {:.1f}", stats.annotators_of_samples.least,
                        stats.annotators_of_samples.most, stats.annotators_of_samples.mean)})
      .add({"samples of an annotator",
            fmt::format("{} … {}, mean {:.1f}", stats.samples_of_annotators.least,
                        stats.samples_of_annotators.most, stats.samples_of_annotators.mean)})
      .add({"parts without common samples", stats.num_components});
  for (size_t c = 0; c < stats.class_shares.size(); ++c)
    table.add({"share of " + stats.classes[c], fmt::format("{:.1f} %", 100 * stats.class_shares[c])});
  if (!stats.items.empty())
    table.add({"pairs that agree, mean of samples", mean_of(stats.items, &ItemAgreement::agreement)})
        .add({"entropy of a sample's labels, bits", mean_of(stats.items, &ItemAgreement::entropy)});
  table.add({"asked twice", stats.self.num_repeats});
  if (stats.self.num_repeats > 0)
    table.add({"the same answer twice", with_interval(stats.self.rate.estimate, stats.self.rate.interval)})
        .add(
            {"self-consistency, kappa", with_interval(stats.self.kappa.estimate, stats.self.kappa.interval)});
  return table;
}

core::Table agreement_table(const Stats& stats) {
  core::Table table({"attribute", "group", "people", "annotations",
                     fmt::format("alpha ({})", name_of(stats.distance)), "agrees with the others"});
  for (const GroupStats& group : stats.groups) {
    const std::string value = group.value.empty() ? "everybody" : group.value;
    if (group.suppressed)
      table.add({group.attribute, value, "suppressed", "–", "–", "–"});
    else
      table.add({group.attribute, value, group.num_annotators, group.num_annotations,
                 with_interval(group.alpha.estimate, group.alpha.interval),
                 with_interval(group.others.estimate, group.others.interval)});
  }
  return table;
}

nlohmann::json to_json(const Stats& stats) {
  const auto counts = [](const Counts& of) {
    return Json{{"least", of.least}, {"mean", of.mean}, {"most", of.most}};
  };
  Json json = {{"annotations", stats.num_annotations},
               {"samples", stats.num_items},
               {"annotators", stats.num_annotators},
               {"components", stats.num_components},
               {"annotators_of_samples", counts(stats.annotators_of_samples)},
               {"samples_of_annotators", counts(stats.samples_of_annotators)},
               {"classes", stats.classes},
               {"class_shares", stats.class_shares},
               {"distance", name_of(stats.distance)},
               {"agreement", json_number(mean_of(stats.items, &ItemAgreement::agreement))},
               {"entropy", json_number(mean_of(stats.items, &ItemAgreement::entropy))},
               {"groups", Json::array()},
               {"self_consistency", {{"repeats", stats.self.num_repeats}}}};
  if (stats.self.num_repeats > 0) {
    json["self_consistency"]["rate"] = estimate_json(stats.self.rate);
    json["self_consistency"]["kappa"] = estimate_json(stats.self.kappa);
  }
  for (const GroupStats& group : stats.groups) {
    Json row = {{"attribute", group.attribute}, {"value", group.value}, {"suppressed", group.suppressed}};
    if (!group.suppressed) {
      row["annotators"] = group.num_annotators;
      row["annotations"] = group.num_annotations;
      row["alpha"] = estimate_json(group.alpha);
      row["agrees_with_others"] = estimate_json(group.others);
    }
    json["groups"].push_back(std::move(row));
  }
  return json;
}

}  // namespace lathe::evaluate::subjective
