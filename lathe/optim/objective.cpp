#include "lathe/optim/objective.h"

#include <torch/torch.h>

namespace lathe::optim {

Objective cross_entropy(double label_smoothing) {
  return [label_smoothing](nn::Model& model, const data::Batch& batch) {
    return torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets, {}, at::Reduction::Mean,
                                     -100, label_smoothing);
  };
}

}  // namespace lathe::optim
