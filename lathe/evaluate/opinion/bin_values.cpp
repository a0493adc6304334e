#include <cmath>

#include "lathe/evaluate/opinion/plan.h"

namespace lathe::evaluate::opinion {
namespace {

using Values = std::vector<double>;  // [bins, metrics]

// Of each metric, the weighted mean over the annotators of a bin for whom it is defined.
Values by_annotator(const Plan& plan, const BinTable& table, const Tallies& tallies,
                    const math::TwoWayWeights& weights) {
  const size_t num_metrics = table.metrics.size();
  Values sums(table.bins.size() * num_metrics, 0), totals = sums;
  for (size_t a = 0; a < plan.annotator_bin.size(); ++a) {
    const double weight = weights.columns[a];
    if (plan.annotator_bin[a] < 0 || weight == 0) continue;
    const size_t bin = static_cast<size_t>(plan.annotator_bin[a]) * num_metrics;
    for (size_t m = 0; m < num_metrics; ++m) {
      const double value = metric_value(table.metrics[m], tallies.annotator(static_cast<int64_t>(a)),
                                        plan.outcomes.num_classes);
      if (std::isnan(value)) continue;
      sums[bin + m] += weight * value;
      totals[bin + m] += weight;
    }
  }
  for (size_t at = 0; at < sums.size(); ++at) sums[at] /= totals[at];
  return sums;
}

Values by_popularity(const Plan& plan, const BinTable& table, const Tallies& tallies) {
  const auto size = static_cast<size_t>(tallies.size);
  Values values;
  for (size_t b = 0; b < table.bins.size(); ++b) {
    const double* majority = tallies.annotation_bin(2 * (static_cast<int64_t>(b) + 1));
    std::vector<double> both(majority, majority + size);
    for (size_t k = 0; k < size; ++k) both[k] += majority[size + k];
    for (const Metric metric : table.metrics)
      values.push_back(metric_value(metric, both.data(), plan.outcomes.num_classes));
  }
  return values;
}

Values by_item(const Tallies& tallies) {
  Values values = tallies.item_sums;
  for (size_t at = 0; at < values.size(); ++at) values[at] /= tallies.item_weights[at];
  return values;
}

Values by_group(const Plan& plan, const BinTable& table, const Tallies& tallies,
                const math::TwoWayWeights& weights) {
  const std::vector<double> groups = group_tallies(plan, tallies, weights);
  Values values;
  for (size_t g = 0; g < table.bins.size(); ++g)
    for (const Metric metric : table.metrics)
      values.push_back(table.bins[g].notes.empty()
                           ? metric_value(metric, groups.data() + g * static_cast<size_t>(tallies.size),
                                          plan.outcomes.num_classes)
                           : std::nan(""));
  return values;
}

Values values_of(const Plan& plan, const BinTable& table, const Tallies& tallies,
                 const math::TwoWayWeights& weights) {
  switch (table.criterion) {
    case Criterion::annotator_disagreement:
      return by_annotator(plan, table, tallies, weights);
    case Criterion::annotation_popularity:
      return by_popularity(plan, table, tallies);
    case Criterion::sample_ambiguity:
      return by_item(tallies);
    default:
      return by_group(plan, table, tallies, weights);
  }
}

// The values of one metric in all bins.
Values column(const BinTable& table, const double* values, size_t metric) {
  Values result;
  for (size_t b = 0; b < table.bins.size(); ++b) result.push_back(values[b * table.metrics.size() + metric]);
  return result;
}

}  // namespace

std::vector<double> group_tallies(const Plan& plan, const Tallies& tallies,
                                  const math::TwoWayWeights& weights) {
  const auto size = static_cast<size_t>(tallies.size);
  std::vector<double> result(plan.groups.values.size() * size, 0);
  for (size_t a = 0; a < plan.groups.codes.size(); ++a) {
    const double* from = tallies.annotator(static_cast<int64_t>(a));
    double* to = result.data() + static_cast<size_t>(plan.groups.codes[a]) * size;
    for (size_t k = 0; k < size; ++k) to[k] += static_cast<double>(weights.columns[a]) * from[k];
  }
  return result;
}

std::vector<double> minority_tally(const Plan& plan, const Tallies& tallies) {
  std::vector<double> result(static_cast<size_t>(tallies.size), 0);
  for (int64_t bin = 1; bin < plan.partition.num_annotation_bins; bin += 2)
    for (size_t k = 0; k < result.size(); ++k) result[k] += tallies.annotation_bin(bin)[k];
  return result;
}

std::vector<double> table_statistics(const Plan& plan, const Tallies& tallies,
                                     const math::TwoWayWeights& weights) {
  std::vector<double> all;
  for (const BinTable& table : plan.tables) {
    const Values values = values_of(plan, table, tallies, weights);
    all.insert(all.end(), values.begin(), values.end());
    for (size_t m = 0; m < table.metrics.size(); ++m) {
      const Score score = score_of(column(table, values.data(), m));
      all.push_back(score.fairness.value);
      all.push_back(score.general.value);
    }
  }
  return all;
}

std::vector<BinTable> with_estimates(const Plan& plan, const std::vector<Estimate>& statistics) {
  std::vector<BinTable> tables = plan.tables;
  const Estimate* at = statistics.data();
  for (BinTable& table : tables) {
    const size_t num_metrics = table.metrics.size();
    for (Bin& bin : table.bins) {
      bin.values.assign(at, at + num_metrics);
      at += num_metrics;
      if (!bin.notes.empty()) continue;
      for (size_t m = 0; m < num_metrics; ++m)
        bin.notes.push_back(!std::isnan(bin.values[m].value) ? ""
                            : bin.num_annotations == 0       ? "no data"
                                                             : why_undefined(table.metrics[m]));
    }
    for (size_t m = 0; m < num_metrics; ++m) {
      Values values;
      for (const Bin& bin : table.bins) values.push_back(bin.values[m].value);
      table.scores[m] = {.fairness = at[0], .general = at[1], .note = score_of(values).note};
      at += 2;
    }
  }
  return tables;
}

math::TwoWayWeights ones(const Outcomes& outcomes) {
  return {std::vector<float>(outcomes.items.size(), 1.0F),
          std::vector<float>(outcomes.annotators.size(), 1.0F)};
}

}  // namespace lathe::evaluate::opinion
