#include "lathe/evaluate/opinion/bins.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/printable.h"
#include "lathe/evaluate/opinion/plan.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr std::array<const char*, 4> kNames = {"annotator_disagreement", "annotation_popularity",
                                               "sample_ambiguity", "demography"};

}  // namespace

const std::vector<Criterion>& all_criteria() {
  static const std::vector<Criterion> all = {Criterion::annotator_disagreement,
                                             Criterion::annotation_popularity, Criterion::sample_ambiguity,
                                             Criterion::demography};
  return all;
}

std::string to_string(Criterion criterion) {
  return kNames[static_cast<size_t>(criterion)];
}

Criterion parse_criterion(const std::string& name) {
  for (const Criterion criterion : all_criteria())
    if (to_string(criterion) == name) return criterion;
  const std::vector<std::string> names(kNames.begin(), kNames.end());
  const auto near = core::nearest(name, names);
  throw InputError("unknown criterion '{}'{}; criteria are {}", core::printable(name),
                   near ? fmt::format(", did you mean {}?", *near) : "", fmt::join(names, ", "));
}

const Score& BinTable::score(Metric metric) const {
  const auto found = std::find(metrics.begin(), metrics.end(), metric);
  if (found == metrics.end())
    throw InputError("the metric {} was not measured; those that were are {}", to_string(metric),
                     fmt::join(
                         [&] {
                           std::vector<std::string> names;
                           for (const Metric one : metrics) names.push_back(to_string(one));
                           return names;
                         }(),
                         ", "));
  return scores[static_cast<size_t>(found - metrics.begin())];
}

Score score_of(const std::vector<double>& values) {
  std::vector<double> defined;
  std::copy_if(values.begin(), values.end(), std::back_inserter(defined),
               [](double value) { return !std::isnan(value); });
  Score score;
  if (defined.empty()) {
    score.note = "no data";
    return score;
  }
  const auto count = static_cast<double>(defined.size());
  const double mean = std::accumulate(defined.begin(), defined.end(), 0.0) / count;
  score.general.value = mean;
  if (defined.size() == 1) {
    score.note = "single bin";
    return score;
  }
  double squares = 0;
  for (const double value : defined) squares += (value - mean) * (value - mean);
  score.fairness.value = 1 - std::sqrt(squares / count);
  return score;
}

std::vector<double> bin_edges(const std::vector<double>& values, int64_t num_bins) {
  if (values.empty()) throw InputError("bins need at least one value");
  if (num_bins < 1) throw InputError("bins must be at least 1, got {}", num_bins);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double range = *high - *low, step = range / static_cast<double>(num_bins);
  std::vector<double> edges;
  for (int64_t b = 0; b < num_bins; ++b) edges.push_back(*low + step * static_cast<double>(b));
  edges.push_back(*high);
  edges.front() -= range > 0 ? 0.001 * range : 0.001;
  return edges;
}

int32_t bin_of(double value, const std::vector<double>& edges) {
  const auto edge = std::lower_bound(edges.begin(), edges.end(), value);
  return edge == edges.begin() || edge == edges.end() ? -1 : static_cast<int32_t>(edge - edges.begin()) - 1;
}

BinTable bins(const data::Annotations& annotations, const Profile& profile,
              const OpinionPredictions& predictions, Criterion criterion, const BinOptions& options) {
  const Plan plan = make_plan(annotations, profile, predictions, {criterion}, options);
  const math::TwoWayWeights weights = ones(plan.outcomes);
  std::vector<Estimate> estimates;
  for (const double value : table_statistics(plan, tally(plan.outcomes, plan.partition, weights), weights))
    estimates.push_back({.value = value});
  return with_estimates(plan, estimates).front();
}

}  // namespace lathe::evaluate::opinion
