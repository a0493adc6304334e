#include "lathe/evaluate/opinion/outcomes.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/opinion/accuracy.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr float kSmallestProbability = 1e-7F;

// The levels that occur, ascending, and the number of each among them.
struct Levels {
  std::vector<int32_t> occurring, number;
};

Levels levels_of(const std::vector<int32_t>& ids, const std::vector<int64_t>& rows, int64_t num_levels) {
  Levels levels{{}, std::vector<int32_t>(static_cast<size_t>(num_levels), -1)};
  for (const int64_t row : rows) levels.number[static_cast<size_t>(ids[static_cast<size_t>(row)])] = 0;
  for (size_t level = 0; level < levels.number.size(); ++level) {
    if (levels.number[level] < 0) continue;
    levels.number[level] = static_cast<int32_t>(levels.occurring.size());
    levels.occurring.push_back(static_cast<int32_t>(level));
  }
  return levels;
}

}  // namespace

Outcomes outcomes_of(const data::Annotations& annotations, const OpinionPredictions& predictions) {
  check_predictions(annotations, predictions);
  if (predictions.rows.empty()) throw InputError("there are no predictions of any annotation");
  const Levels items = levels_of(annotations.item, predictions.rows, annotations.num_items());
  const Levels people = levels_of(annotations.annotator, predictions.rows, annotations.num_annotators());
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  const size_t n = predictions.rows.size();
  Outcomes result;
  result.num_classes = predictions.num_classes;
  result.items = items.occurring;
  result.annotators = people.occurring;
  result.offsets.assign(items.occurring.size() + 1, 0);
  for (std::vector<int32_t>* column : {&result.annotator, &result.cell}) column->resize(n);
  result.cross_entropy.resize(n);
  result.absolute_error.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const auto row = static_cast<size_t>(predictions.rows[i]);
    const int32_t said = annotations.label[row];
    const float probability = predictions.of(static_cast<int64_t>(i))[said];
    const auto item = static_cast<size_t>(items.number[static_cast<size_t>(annotations.item[row])]);
    result.offsets[item + 1] = static_cast<int64_t>(i + 1);
    result.annotator[i] = people.number[static_cast<size_t>(annotations.annotator[row])];
    result.cell[i] = said * static_cast<int32_t>(predictions.num_classes) + predicted[i];
    result.cross_entropy[i] = -std::log(std::max(probability, kSmallestProbability));
    result.absolute_error[i] = 1 - probability;
  }
  return result;
}

Tallies tally(const Outcomes& outcomes, const Partition& partition, const math::TwoWayWeights& weights) {
  const int64_t size = tally_size(outcomes.num_classes), errors = size - 2;
  const size_t num_metrics = partition.metrics.size();
  Tallies result{.size = size};
  result.annotators.assign(static_cast<size_t>(outcomes.num_annotators() * size), 0);
  result.squares.assign(static_cast<size_t>(outcomes.num_annotators()), 0);
  result.annotations.assign(static_cast<size_t>(partition.num_annotation_bins * size), 0);
  result.item_sums.assign(static_cast<size_t>(partition.num_item_bins) * num_metrics, 0);
  result.item_weights = result.item_sums;
  std::vector<double> of_item(static_cast<size_t>(size));

  const auto add = [&](double* tally, size_t i, double weight) {
    tally[outcomes.cell[i]] += weight;
    tally[errors] += weight * static_cast<double>(outcomes.cross_entropy[i]);
    tally[errors + 1] += weight * static_cast<double>(outcomes.absolute_error[i]);
  };
  for (size_t item = 0; item + 1 < outcomes.offsets.size(); ++item) {
    const double item_weight = weights.rows[item];
    if (item_weight == 0) continue;
    const int32_t item_bin = partition.item_bin[item];
    std::fill(of_item.begin(), of_item.end(), 0);
    for (auto i = static_cast<size_t>(outcomes.offsets[item]);
         i < static_cast<size_t>(outcomes.offsets[item + 1]); ++i) {
      const auto annotator = static_cast<size_t>(outcomes.annotator[i]);
      const double annotator_weight = weights.columns[annotator];
      if (annotator_weight == 0) continue;
      add(result.annotators.data() + annotator * static_cast<size_t>(size), i, item_weight);
      result.squares[annotator] += item_weight * item_weight;
      add(of_item.data(), i, annotator_weight);
      const int32_t bin = partition.annotation_bin[i];
      if (bin >= 0) add(result.annotations.data() + bin * size, i, item_weight * annotator_weight);
    }
    if (item_bin < 0) continue;
    const size_t at = static_cast<size_t>(item_bin) * num_metrics;
    for (size_t m = 0; m < num_metrics; ++m) {
      const double value = metric_value(partition.metrics[m], of_item.data(), outcomes.num_classes);
      if (std::isnan(value)) continue;
      result.item_sums[at + m] += item_weight * value;
      result.item_weights[at + m] += item_weight;
    }
  }
  return result;
}

}  // namespace lathe::evaluate::opinion
