#pragma once
#include <string>

#include "lathe/data/dataset.h"
#include "lathe/nn/model.h"

namespace lathe::train::continual {

// One of the tasks that are learned in turn.
struct Task {
  std::string name;
  data::Dataset train, holdout, test;  // holdout: for TrainOptions::patience and the curves; may be empty
};

// Examples of several tasks: inputs, targets int64 [N] and the number of each one's task, int64 [N].
struct MixedBatch {
  torch::Tensor inputs, targets, tasks;
};
// The mean cross-entropy, each example by the head of its own task where the model has nn::TaskHeads.
torch::Tensor mixed_loss(nn::Model& model, const MixedBatch& batch, double label_smoothing);

std::vector<std::string> head_names(const nn::Model& model);  // modules of one task each; none with one head

// Directs forward() to this task's head; nothing to do for a model with one head.
void select_task(nn::Model& model, int64_t task);

}  // namespace lathe::train::continual
