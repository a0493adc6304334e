#include "lathe/evaluate/opinion/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr math::Interval kAnything{-std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::infinity()};

Estimate centred(const math::TwoWayEstimate& estimate, const math::Interval& range) {
  std::vector<double> defined;
  for (const double value : estimate.replicates)
    if (!std::isnan(value)) defined.push_back(value);
  if (defined.size() < 2 || std::isnan(estimate.estimate)) return {.value = estimate.estimate};
  const double shift = estimate.estimate - math::quantile(defined, 0.5);
  return {estimate.estimate,
          {std::max(range.low, estimate.interval.low + shift),
           std::min(range.high, estimate.interval.high + shift)}};
}

// Of what table_statistics() gives.
std::vector<math::Interval> table_ranges(const Plan& plan) {
  std::vector<math::Interval> ranges;
  const auto range_of = [](Metric metric) {
    return metric == Metric::cross_entropy ? math::Interval{0, kAnything.high} : math::Interval{0, 1};
  };
  for (const BinTable& table : plan.tables) {
    for (size_t b = 0; b < table.bins.size(); ++b)
      for (const Metric metric : table.metrics) ranges.push_back(range_of(metric));
    for (const Metric metric : table.metrics) {
      ranges.push_back({metric == Metric::cross_entropy ? kAnything.low : 0, 1});
      ranges.push_back(range_of(metric));
    }
  }
  return ranges;
}

std::vector<std::string> shown_groups(const Plan& plan, int64_t min_group_size) {
  std::vector<std::string> names = plan.groups.values;
  for (size_t g = 0; g < names.size(); ++g)
    if (plan.hidden_groups[g]) names[g] = fmt::format("(fewer than {} people)", min_group_size);
  return names;
}

}  // namespace

const Estimate& Measurement::measure(const std::string& name) const {
  return unfairness[measure_index(name)];
}

const BinTable& Measurement::table(Criterion criterion) const {
  for (const BinTable& table : tables)
    if (table.criterion == criterion) return table;
  throw InputError("the criterion {} was not measured", to_string(criterion));
}

std::vector<Estimate> bootstrap_estimates(const Outcomes& outcomes, const math::TwoWayStatistics& statistics,
                                          const std::vector<math::Interval>& ranges,
                                          const MeasureOptions& options) {
  std::vector<Estimate> result;
  if (options.num_replicates == 0 || outcomes.num_items() < 2 || outcomes.num_annotators() < 2) {
    for (const double value : statistics(ones(outcomes))) result.push_back({.value = value});
    return result;
  }
  core::Progress progress("bootstrap", options.num_replicates, "replicates");
  std::mutex mutex;
  int64_t done = 0;
  const auto estimates = math::bootstrap_two_way(
      outcomes.num_items(), outcomes.num_annotators(),
      [&](const math::TwoWayWeights& weights) {
        std::vector<double> values = statistics(weights);
        const std::lock_guard<std::mutex> lock(mutex);
        progress.update(++done);
        return values;
      },
      {.num_replicates = options.num_replicates, .confidence = options.confidence, .seed = options.seed});
  for (size_t s = 0; s < estimates.size(); ++s) result.push_back(centred(estimates[s], ranges[s]));
  return result;
}

Measurement measure(const data::Annotations& annotations, const Profile& profile,
                    const OpinionPredictions& predictions, const MeasureOptions& options) {
  const Plan plan = make_plan(annotations, profile, predictions, options.criteria, options.bins);
  Measurement result;
  result.users = users_of(plan, profile, options.users);
  std::vector<math::Interval> ranges = table_ranges(plan);
  const size_t of_tables = ranges.size();
  for (const Measure& one : measures()) ranges.push_back(one.range);
  const std::vector<Estimate> estimates = bootstrap_estimates(
      plan.outcomes,
      [&](const math::TwoWayWeights& weights) {
        const Tallies tallies = tally(plan.outcomes, plan.partition, weights);
        std::vector<double> values = table_statistics(plan, tallies, weights);
        const std::vector<double> of_users = unfairness(plan, result.users, tallies, weights, options.users);
        values.insert(values.end(), of_users.begin(), of_users.end());
        return values;
      },
      ranges, options);
  result.tables = with_estimates(plan, estimates);
  result.unfairness.assign(estimates.begin() + static_cast<std::ptrdiff_t>(of_tables), estimates.end());
  result.groups = shown_groups(plan, options.bins.min_group_size);
  result.num_annotations = plan.outcomes.size();
  result.num_items = plan.outcomes.num_items();
  result.num_annotators = plan.outcomes.num_annotators();
  return result;
}

}  // namespace lathe::evaluate::opinion
