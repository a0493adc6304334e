#pragma once
#include "lathe/core/config.h"
#include "lathe/train/continual/gradient_projection_memory.h"

namespace lathe::train::continual {

// How a sequence of tasks is learned.
//   gpm       gradient projection memory
//   finetune  one task after another, nothing else
//   ewc       a quadratic penalty around old weights (EwcOptions)
//   agem      gradients that do not contradict remembered examples (AverageGem)
//   replay    remembered examples in every batch
//   joint     all tasks at once: what could be had with all data, not a continual method
struct ContinualOptions {
  std::string method = "gpm";
  GpmOptions gpm;
  double ewc_lambda = 100;        // weight of the penalty; depends on task and network: try powers of ten
  int64_t fisher_samples = 1000;  // examples of each task for the diagonal Fisher matrix
  int64_t memory = 1000;          // agem, replay: examples kept, of all tasks together
  int64_t memory_batch = 0;       // agem, replay: remembered examples a step; 0: as many as the batch
  // Statistics of batch norm, for all methods. per_task: each task is evaluated with those of its own
  // training; batch: with those of the examples evaluated together, as the authors' code does.
  std::string norm_statistics = "per_task";
};
ContinualOptions continual_options(const core::Config& continual);  // reads a [train.continual] table
void check(const ContinualOptions& options);  // throws InputError naming key, value and range

}  // namespace lathe::train::continual
