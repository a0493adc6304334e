#include "lathe/train/continual/accuracy_matrix.h"

#include <torch/torch.h>

namespace lathe::train::continual {

TransferMeasures transfer_measures(const torch::Tensor& accuracy, const torch::Tensor& untrained) {
  const int64_t tasks = accuracy.size(0), others = tasks - 1;
  const torch::Tensor last = accuracy[others];
  TransferMeasures measures;
  measures.acc = last.mean().item<double>();
  if (others == 0) return measures;
  measures.bwt = (last - accuracy.diagonal()).narrow(0, 0, others).mean().item<double>();
  measures.fwt = (accuracy.diagonal(1) - untrained.narrow(0, 1, others)).mean().item<double>();
  return measures;
}

}  // namespace lathe::train::continual
