#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/measure.h"

namespace lathe::evaluate::opinion {

// Part of the annotations: of some people, on some items, or of those people on those items.
struct Slice {
  std::string name;  // "age = 18-30", "topic = food", "age = 18-30, topic = food"
  int64_t num_annotators = 0, num_annotations = 0;
  Estimate accuracy, gap;  // gap: less the accuracy of all
};
struct Slices {
  std::vector<Slice> slices;          // the worst served first
  int64_t num_hidden = 0;             // of fewer people or annotations than may be shown
  std::vector<std::string> left_out;  // item attributes of too many values
};
struct SliceOptions {
  int64_t min_annotations = 30;  // of a slice; fewer say nothing
  int64_t max_item_values = 50;  // an item attribute of more values is no slice, but a name or a text
};
// Every value of every attribute of annotators and of items, and every pair of one of each: an average over
// all of a group hides what happens on a part of the items. Groups of fewer people than
// options.bins.min_group_size are not shown. Intervals as those of measure().
Slices worst_slices(const data::Annotations& annotations, const OpinionPredictions& predictions,
                    const MeasureOptions& options, const SliceOptions& slice_options = {});

}  // namespace lathe::evaluate::opinion
