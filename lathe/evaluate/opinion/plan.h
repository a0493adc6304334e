#pragma once
#include <cstdint>
#include <vector>

#include "lathe/evaluate/opinion/bins.h"
#include "lathe/evaluate/opinion/outcomes.h"

// How predicted annotations fall into the bins of several criteria, so that one pass counts them all.
namespace lathe::evaluate::opinion {

struct Plan {
  Outcomes outcomes;
  Partition partition;                 // annotation bins are 2 (popularity bin + 1) + minority
  std::vector<int32_t> annotator_bin;  // [annotators] by disagreement, -1: left out
  data::Attribute groups;              // codes are those of the outcomes' annotators
  std::vector<BinTable> tables;        // names and counts
  std::vector<char> hidden_groups;     // [groups] of fewer people than the privacy minimum
};
// Throws InputError for options out of range, and a criterion named twice.
Plan make_plan(const data::Annotations& annotations, const Profile& profile,
               const OpinionPredictions& predictions, const std::vector<Criterion>& criteria,
               const BinOptions& options);

// Of each table the values of its bins (bin after bin, metric after metric), then F and G of each metric; NaN
// where not defined.
std::vector<double> table_statistics(const Plan& plan, const Tallies& tallies,
                                     const math::TwoWayWeights& weights);
// The plan's tables with those statistics in their places.
std::vector<BinTable> with_estimates(const Plan& plan, const std::vector<Estimate>& statistics);

// Annotations of minority opinions (π < 1/2), weighted.
std::vector<double> minority_tally(const Plan& plan, const Tallies& tallies);
// [groups, tally size], weighted.
std::vector<double> group_tallies(const Plan& plan, const Tallies& tallies,
                                  const math::TwoWayWeights& weights);

math::TwoWayWeights ones(const Outcomes& outcomes);

}  // namespace lathe::evaluate::opinion
