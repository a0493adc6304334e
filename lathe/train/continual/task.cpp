#include "lathe/train/continual/task.h"

#include <torch/torch.h>

#include "lathe/nn/task_heads.h"

namespace lathe::train::continual {
namespace {

torch::Tensor summed_loss(const torch::Tensor& logits, const torch::Tensor& targets, double label_smoothing) {
  return torch::cross_entropy_loss(logits, targets, {}, at::Reduction::Sum, -100, label_smoothing);
}

}  // namespace

torch::Tensor mixed_loss(nn::Model& model, const MixedBatch& batch, double label_smoothing) {
  const auto size = static_cast<double>(batch.targets.size(0));
  auto* heads = dynamic_cast<nn::TaskHeads*>(&model);
  if (!heads) return summed_loss(model.forward(batch.inputs), batch.targets, label_smoothing) / size;
  const torch::Tensor features = heads->features(batch.inputs);
  torch::Tensor loss;
  for (int64_t task = 0; task < heads->num_tasks(); ++task) {
    const torch::Tensor rows = batch.tasks.eq(task).nonzero().flatten();
    if (rows.size(0) == 0) continue;
    const torch::Tensor part = summed_loss(heads->head(task).forward(features.index_select(0, rows)),
                                           batch.targets.index_select(0, rows), label_smoothing);
    loss = loss.defined() ? loss + part : part;
  }
  return loss / size;
}

std::vector<std::string> head_names(const nn::Model& model) {
  const auto* heads = dynamic_cast<const nn::TaskHeads*>(&model);
  return heads ? heads->head_names() : std::vector<std::string>();
}

void select_task(nn::Model& model, int64_t task) {
  if (auto* heads = dynamic_cast<nn::TaskHeads*>(&model)) heads->select(task);
}

}  // namespace lathe::train::continual
