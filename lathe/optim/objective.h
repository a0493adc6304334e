#pragma once
#include <functional>

#include "lathe/data/batches.h"
#include "lathe/nn/model.h"

namespace lathe::optim {

// The mean loss of a batch; everything that a model computes in a step.
using Objective = std::function<torch::Tensor(nn::Model& model, const data::Batch& batch)>;

// Cross-entropy of the logits with targets (1 − ε) one-hot + ε/K, ε = label_smoothing in [0, 1) (Szegedy et
// al. 2016).
Objective cross_entropy(double label_smoothing = 0);

}  // namespace lathe::optim
