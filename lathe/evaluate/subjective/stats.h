#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/agreement.h"
#include "lathe/evaluate/subjective/coverage.h"
#include "lathe/evaluate/subjective/partitions.h"

// What an annotation table says before there is a model: how many, how far people agree, and where they do
// not.
namespace lathe::evaluate::subjective {

struct StatsOptions {
  std::vector<std::string> attributes;     // of annotators: groups to tell of
  int64_t min_group_size = kMinGroupSize;  // smaller groups are suppressed
  math::BootstrapOptions bootstrap{.num_replicates = 1000};
};

struct GroupStats {
  std::string attribute, value;  // empty: all annotators
  int64_t num_annotators = 0, num_annotations = 0;
  bool suppressed = false;
  math::TwoWayEstimate alpha;  // within the group
  math::TwoWayEstimate
      others;  // share of its annotations that are the majority of the others'; NaN: real labels
};

struct Stats {
  int64_t num_items = 0, num_annotators = 0, num_annotations = 0;
  int64_t num_components = 0;
  Counts annotators_of_samples, samples_of_annotators;
  Distance distance = Distance::nominal;
  std::vector<std::string> classes;
  std::vector<double> class_shares;  // of annotations; empty: real labels
  std::vector<GroupStats> groups;    // all, then those of each attribute
  std::vector<ItemAgreement> items;  // with at least one annotation; empty: real labels
  SelfConsistency self;
};
// Throws InputError for attributes that the table does not have, and fewer than two items or annotators.
Stats stats(const data::Annotations& annotations, const StatsOptions& options = {});

// One row an annotated sample: its votes, majority, share of pairs that agree, largest share, entropy in
// bits. Throws InputError for real labels.
core::Table items_table(const data::Annotations& annotations);

core::Table sizes_table(const Stats& stats);
core::Table agreement_table(const Stats& stats);  // one row a group
nlohmann::json to_json(const Stats& stats);

}  // namespace lathe::evaluate::subjective
