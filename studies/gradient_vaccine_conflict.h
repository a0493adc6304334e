#pragma once
#include "lathe/pipeline/study.h"
#include "studies/gradient_vaccine_runs.h"

// Two tasks that want opposite answers on 30 % of the inputs, from one narrow trunk; the first one's loss
// is in other units and dominates. Which inputs these are is plain
// to see; a head for each task could tell them apart, if the trunk kept what both need.
namespace lathe::studies::gradient_vaccine {

struct ConflictOptions {
  int64_t num_inputs = 20, width = 8;
  int64_t num_train = 2000, num_test = 4000;
  double first_weight = 10;  // of the first task's loss; the second's is 1
  int64_t steps = 500, batch = 64;
};

// Rows: accuracy of the worse task under sum, PCGrad and GradVac, and under fixed targets 0, 0.2 and 0.5; a
// chart of the similarity along the training for each target. Rates are tuned on held-out data, alike.
void measure_conflict(const ConflictOptions& options, uint64_t num_seeds, const std::vector<double>& rates,
                      core::Seed seed, const core::StopToken& stop, pipeline::StudyResult& result);

}  // namespace lathe::studies::gradient_vaccine
