#include "lathe/train/continual/replay.h"

#include <torch/torch.h>

namespace lathe::train::continual {

optim::Objective Replay::objective() {
  return [this](nn::Model& model, const data::Batch& batch) {
    MixedBatch mixed = {batch.inputs, batch.targets, torch::full_like(batch.targets, task_)};
    if (memory_.size() > 0) {
      const int64_t count = options_.batch > 0 ? options_.batch : batch.targets.size(0);
      const MixedBatch old = memory_.draw(
          count, seed_.stream(static_cast<uint64_t>(task_)).stream(static_cast<uint64_t>(step_)));
      const auto join = [&](const torch::Tensor& a, const torch::Tensor& b) {
        return torch::cat({a, b.to(a.device())});
      };
      mixed = {join(mixed.inputs, old.inputs), join(mixed.targets, old.targets),
               join(mixed.tasks, old.tasks)};
    }
    return mixed_loss(model, mixed, options_.label_smoothing);
  };
}

std::vector<std::string> Replay::end_task(const Task& task, const Forward&) {
  memory_.add(task.train, task_);
  return {};
}

}  // namespace lathe::train::continual
