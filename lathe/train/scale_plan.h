#pragma once
#include <vector>

#include "lathe/optim/adascale.h"
#include "lathe/train/trainer.h"

namespace lathe::train {

// What AdaScale would make of larger batches, before they are paid for.
struct ScalePlan {
  struct Row {
    double scale = 1;
    double gain = 1;   // r at this scale
    double steps = 0;  // T / r
  };
  optim::GradientMoments moments;  // of one batch of the schedule
  int64_t probe_steps = 0;
  int64_t schedule_steps = 0;  // T
  std::vector<Row> rows;       // S = 1, 2, 4, … 128
};

// Trains the model for the first twentieth of the schedule (50 to 500 steps) with the schedule's batch in two
// halves, and takes the moments found there for the whole training. Noise grows as training goes on, so the
// steps are an upper bound. Throws InputError where the schedule's batch has a single example.
ScalePlan plan_scales(std::shared_ptr<nn::Model> model, const optim::OptimizerOptions& optim,
                      const TrainOptions& options, const data::Dataset& train, core::Seed seed,
                      const core::StopToken& stop = {});

}  // namespace lathe::train
