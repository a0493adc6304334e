#pragma once
#include <cstdint>
#include <vector>

#include "lathe/data/annotations.h"
#include "lathe/evaluate/opinion/metric.h"
#include "lathe/evaluate/votes.h"
#include "lathe/math/bootstrap.h"

// The one pass over predicted annotations that every number of this module is computed from, for any weights
// of items and annotators.
namespace lathe::evaluate::opinion {

// Predicted annotations, ordered by item; items and annotators that occur are renumbered from 0.
struct Outcomes {
  int64_t num_classes = 0;
  std::vector<int32_t> items, annotators;  // numbers in the table
  std::vector<int64_t> offsets;            // [items + 1]
  std::vector<int32_t> annotator;          // of each annotation, an index into annotators
  std::vector<int32_t> cell;               // said * num_classes + predicted
  std::vector<float> cross_entropy, absolute_error;
  int64_t size() const { return static_cast<int64_t>(cell.size()); }
  int64_t num_items() const { return static_cast<int64_t>(items.size()); }
  int64_t num_annotators() const { return static_cast<int64_t>(annotators.size()); }
  bool correct(int64_t i) const { return cell[static_cast<size_t>(i)] % (num_classes + 1) == 0; }
};
// Throws InputError as check_predictions(), and for no prediction at all.
Outcomes outcomes_of(const data::Annotations& annotations, const OpinionPredictions& predictions);

// What a pass counts beside annotators.
struct Partition {
  std::vector<Metric> metrics;    // averaged over the items of a bin
  std::vector<int32_t> item_bin;  // [items] -1: none
  int64_t num_item_bins = 0;
  std::vector<int32_t> annotation_bin;  // [annotations]
  int64_t num_annotation_bins = 0;
};

struct Tallies {
  int64_t size = 0;                             // of one tally
  std::vector<double> annotators;               // [annotators, size], weighted by the items' weights alone
  std::vector<double> squares;                  // [annotators] the sum of squared weights of their items
  std::vector<double> annotations;              // [annotation bins, size], weighted by item and annotator
  std::vector<double> item_sums, item_weights;  // [item bins, metrics] of the items for which it is defined
  const double* annotator(int64_t a) const { return annotators.data() + a * size; }
  const double* annotation_bin(int64_t b) const { return annotations.data() + b * size; }
};
Tallies tally(const Outcomes& outcomes, const Partition& partition, const math::TwoWayWeights& weights);

}  // namespace lathe::evaluate::opinion
