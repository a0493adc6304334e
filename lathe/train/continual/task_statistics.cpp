#include "lathe/train/continual/task_statistics.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/batch_norm.h"

namespace lathe::train::continual {
namespace {

std::string entry(size_t task, size_t buffer) {
  return fmt::format("statistics{}_{}", task, buffer);
}

}  // namespace

TaskStatistics::TaskStatistics(nn::Model& model)
    : buffers_(nn::has_batch_norm(model) ? model.buffers() : std::vector<torch::Tensor>()) {}

void TaskStatistics::keep(int64_t task) {
  kept_.resize(std::max(kept_.size(), static_cast<size_t>(task) + 1));
  kept_[static_cast<size_t>(task)].clear();
  for (const torch::Tensor& buffer : buffers_) kept_[static_cast<size_t>(task)].push_back(buffer.clone());
}

void TaskStatistics::use(int64_t task) const {
  if (static_cast<size_t>(task) >= kept_.size()) return;
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < buffers_.size(); ++i) buffers_[i].copy_(kept_[static_cast<size_t>(task)][i]);
}

void TaskStatistics::save(torch::serialize::OutputArchive& archive) const {
  archive.write("tasks", c10::IValue(static_cast<int64_t>(kept_.size())));
  for (size_t t = 0; t < kept_.size(); ++t)
    for (size_t i = 0; i < buffers_.size(); ++i) archive.write(entry(t, i), kept_[t][i], /*is_buffer=*/true);
}

void TaskStatistics::load(torch::serialize::InputArchive& archive) {
  c10::IValue tasks;
  archive.read("tasks", tasks);
  kept_.assign(static_cast<size_t>(tasks.toInt()), std::vector<torch::Tensor>(buffers_.size()));
  for (size_t t = 0; t < kept_.size(); ++t)
    for (size_t i = 0; i < buffers_.size(); ++i) archive.read(entry(t, i), kept_[t][i], /*is_buffer=*/true);
}

}  // namespace lathe::train::continual
