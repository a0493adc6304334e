#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/evaluate/opinion/bins.h"
#include "lathe/evaluate/opinion/unfairness.h"

namespace lathe::evaluate::opinion {

struct MeasureOptions {
  std::vector<Criterion> criteria = all_criteria();
  BinOptions bins;
  UserOptions users;
  int64_t num_replicates = 1000;  // of the bootstrap; 0: no intervals
  double confidence = 0.95;
  core::Seed seed{0};
};

// What a model does to opinions. Intervals are of the two-way bootstrap: items and annotators are drawn anew.
//
// A replicate draws the noise of the labels a second time, which by itself spreads users and bins further
// apart: the percentiles of dispersions would lie beside their estimates. So every interval is that of the
// replicates moved to have their median at the estimate, and cut at what is possible.
struct Measurement {
  std::vector<BinTable> tables;      // beside the criteria
  std::vector<Estimate> unfairness;  // beside measures()
  Users users;
  std::vector<std::string>
      groups;  // names; a group of fewer people than the minimum is "(fewer than 5 people)"
  int64_t num_annotations = 0, num_items = 0, num_annotators = 0;
  const Estimate& measure(const std::string& name) const;  // of measures()
  const BinTable& table(Criterion criterion) const;        // throws InputError where it was not measured
};
// One pass over the predicted annotations for each replicate. Throws InputError as bins().
Measurement measure(const data::Annotations& annotations, const Profile& profile,
                    const OpinionPredictions& predictions, const MeasureOptions& options = {});

// Two-way bootstrap of any statistics of outcomes, with intervals as above; `ranges` beside the statistics.
// Without replicates, or with fewer than two items or annotators, there are estimates only.
std::vector<Estimate> bootstrap_estimates(const Outcomes& outcomes, const math::TwoWayStatistics& statistics,
                                          const std::vector<math::Interval>& ranges,
                                          const MeasureOptions& options);

}  // namespace lathe::evaluate::opinion
