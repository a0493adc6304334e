#include "lathe/evaluate/opinion/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"

namespace lathe::evaluate::opinion {
namespace {

struct Binned {
  std::vector<double> edges;
  std::vector<int32_t> bin;  // of each value, -1: left out (NaN)
};

Binned put_into_bins(const std::vector<double>& values, int64_t num_bins, const std::string& filter) {
  std::vector<double> kept;
  std::copy_if(values.begin(), values.end(), std::back_inserter(kept),
               [](double value) { return !std::isnan(value); });
  if (kept.empty()) throw InputError("{} leaves nothing to measure", filter);
  Binned result{bin_edges(kept, num_bins), {}};
  result.bin.reserve(values.size());
  for (const double value : values)
    result.bin.push_back(std::isnan(value) ? -1 : bin_of(value, result.edges));
  return result;
}

// Bins without their counts.
BinTable empty_table(Criterion criterion, const std::vector<Metric>& metrics,
                     const std::vector<double>& edges) {
  BinTable table{criterion, metrics, {}, std::vector<Score>(metrics.size())};
  for (size_t b = 0; b + 1 < edges.size(); ++b) {
    Bin bin;
    bin.name = fmt::format("({:.3g}, {:.3g}]", edges[b], edges[b + 1]);
    bin.low = edges[b];
    bin.high = edges[b + 1];
    table.bins.push_back(std::move(bin));
  }
  return table;
}

// How many annotations, annotators and units a table's bins have; bin(annotation) is -1 for none.
template <typename BinOf>
void count(BinTable& table, const Outcomes& outcomes, const BinOf& bin) {
  std::vector<std::vector<char>> seen(table.bins.size(),
                                      std::vector<char>(static_cast<size_t>(outcomes.num_annotators()), 0));
  for (size_t item = 0; item + 1 < outcomes.offsets.size(); ++item)
    for (auto i = static_cast<size_t>(outcomes.offsets[item]);
         i < static_cast<size_t>(outcomes.offsets[item + 1]); ++i) {
      const int32_t b = bin(item, i);
      if (b < 0) continue;
      ++table.bins[static_cast<size_t>(b)].num_annotations;
      seen[static_cast<size_t>(b)][static_cast<size_t>(outcomes.annotator[i])] = 1;
    }
  for (size_t b = 0; b < seen.size(); ++b)
    table.bins[b].num_annotators = std::count(seen[b].begin(), seen[b].end(), 1);
}

BinTable disagreement_table(const Profile& profile, const BinOptions& options, Plan& plan) {
  const std::vector<double>& of_all =
      options.reference == Reference::everybody ? profile.disagreement : profile.disagreement_with_others;
  std::vector<double> values;
  for (const int32_t annotator : plan.outcomes.annotators) {
    const double value = of_all[static_cast<size_t>(annotator)];
    values.push_back(value <= options.max_disagreement ? value : std::nan(""));
  }
  const Binned binned =
      put_into_bins(values, options.num_bins, fmt::format("max_disagreement = {}", options.max_disagreement));
  plan.annotator_bin = binned.bin;
  BinTable table = empty_table(Criterion::annotator_disagreement, options.metrics, binned.edges);
  count(table, plan.outcomes, [&](size_t, size_t i) {
    return plan.annotator_bin[static_cast<size_t>(plan.outcomes.annotator[i])];
  });
  for (Bin& bin : table.bins) bin.num_units = bin.num_annotators;
  return table;
}

BinTable popularity_table(const Profile& profile, const OpinionPredictions& predictions,
                          const BinOptions& options, Plan& plan) {
  std::vector<double> values;
  values.reserve(predictions.rows.size());
  for (const int64_t row : predictions.rows) {
    const double value = profile.popularity[static_cast<size_t>(row)];
    values.push_back(value >= options.min_popularity ? value : std::nan(""));
  }
  const Binned binned =
      put_into_bins(values, options.num_bins, fmt::format("min_popularity = {}", options.min_popularity));
  for (size_t i = 0; i < binned.bin.size(); ++i) plan.partition.annotation_bin[i] += 2 * (binned.bin[i] + 1);
  BinTable table = empty_table(Criterion::annotation_popularity, options.metrics, binned.edges);
  count(table, plan.outcomes, [&](size_t, size_t i) { return binned.bin[i]; });
  for (Bin& bin : table.bins) bin.num_units = bin.num_annotations;
  return table;
}

BinTable ambiguity_table(const Profile& profile, const BinOptions& options, Plan& plan) {
  std::vector<double> values;
  for (const int32_t item : plan.outcomes.items) {
    const double value = profile.agreement[static_cast<size_t>(item)];
    values.push_back(value >= options.min_agreement ? value : std::nan(""));
  }
  const Binned binned =
      put_into_bins(values, options.num_bins, fmt::format("min_agreement = {}", options.min_agreement));
  plan.partition.item_bin = binned.bin;
  plan.partition.num_item_bins = options.num_bins;
  plan.partition.metrics = options.metrics;
  BinTable table = empty_table(Criterion::sample_ambiguity, options.metrics, binned.edges);
  count(table, plan.outcomes, [&](size_t item, size_t) { return binned.bin[item]; });
  for (const int32_t bin : binned.bin)
    if (bin >= 0) ++table.bins[static_cast<size_t>(bin)].num_units;
  return table;
}

// A group too small to be shown, or with too few annotations, has a line and no value.
BinTable group_table(const BinOptions& options, Plan& plan) {
  BinTable table{Criterion::demography, options.metrics, {}, std::vector<Score>(options.metrics.size())};
  for (const std::string& value : plan.groups.values) table.bins.emplace_back().name = value;
  count(table, plan.outcomes,
        [&](size_t, size_t i) { return plan.groups.codes[static_cast<size_t>(plan.outcomes.annotator[i])]; });
  for (Bin& bin : table.bins) {
    bin.num_units = bin.num_annotations;
    if (bin.num_annotations == 0)
      bin.notes.assign(options.metrics.size(), "no data");
    else if (!options.attributes.empty() && bin.num_annotators < options.min_group_size)
      bin.notes.assign(options.metrics.size(), fmt::format("fewer than {} people", options.min_group_size));
    else if (bin.num_annotations < options.min_group_annotations)
      bin.notes.assign(options.metrics.size(),
                       fmt::format("fewer than {} annotations", options.min_group_annotations));
  }
  return table;
}

data::Attribute groups_of(const data::Annotations& annotations, const std::vector<std::string>& attributes,
                          const Outcomes& outcomes) {
  data::Attribute groups = annotator_groups(annotations, attributes);
  std::vector<int32_t> codes;
  for (const int32_t annotator : outcomes.annotators)
    codes.push_back(groups.codes[static_cast<size_t>(annotator)]);
  groups.codes = std::move(codes);
  return groups;
}

void check(const std::vector<Criterion>& criteria, const BinOptions& options) {
  for (const Criterion criterion : criteria)
    if (std::count(criteria.begin(), criteria.end(), criterion) > 1)
      throw InputError("the criterion {} is named twice", to_string(criterion));
  if (options.num_bins < 1 || options.num_bins > 1000)
    throw InputError("bins must be between 1 and 1000, got {}", options.num_bins);
  if (options.metrics.empty()) throw InputError("name at least one metric");
}

}  // namespace

Plan make_plan(const data::Annotations& annotations, const Profile& profile,
               const OpinionPredictions& predictions, const std::vector<Criterion>& criteria,
               const BinOptions& options) {
  check(criteria, options);
  Plan plan{.outcomes = outcomes_of(annotations, predictions)};
  plan.groups = groups_of(annotations, options.attributes, plan.outcomes);
  plan.annotator_bin.assign(plan.outcomes.annotators.size(), -1);
  plan.partition.item_bin.assign(plan.outcomes.items.size(), -1);
  plan.partition.num_annotation_bins = 2 * (options.num_bins + 1);
  for (const int64_t row : predictions.rows)
    plan.partition.annotation_bin.push_back(profile.popularity[static_cast<size_t>(row)] < 0.5 ? 1 : 0);
  std::vector<int64_t> people(plan.groups.values.size(), 0);
  for (const int32_t group : plan.groups.codes) ++people[static_cast<size_t>(group)];
  for (const int64_t number : people)
    plan.hidden_groups.push_back(!options.attributes.empty() && number < options.min_group_size);
  for (const Criterion criterion : criteria) switch (criterion) {
      case Criterion::annotator_disagreement:
        plan.tables.push_back(disagreement_table(profile, options, plan));
        break;
      case Criterion::annotation_popularity:
        plan.tables.push_back(popularity_table(profile, predictions, options, plan));
        break;
      case Criterion::sample_ambiguity:
        plan.tables.push_back(ambiguity_table(profile, options, plan));
        break;
      case Criterion::demography:
        plan.tables.push_back(group_table(options, plan));
    }
  return plan;
}

}  // namespace lathe::evaluate::opinion
