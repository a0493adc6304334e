#include "lathe/train/continual/task_statistics.h"

#include <torch/torch.h>

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/nn/batch_norm.h"

namespace lathe::train::continual {
namespace {

std::string entry(size_t task, size_t buffer) {
  return fmt::format("statistics{}_{}", task, buffer);
}

}  // namespace

TaskStatistics::TaskStatistics(nn::Model& model) {
  if (!nn::has_batch_norm(model)) return;
  for (const auto& entry : model.named_buffers()) {
    names_.push_back(entry.key());
    buffers_.push_back(entry.value());
  }
}

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

void TaskStatistics::use_all() const {
  const torch::NoGradGuard no_grad;
  const std::string kMean = "running_mean", kVariance = "running_var";
  const auto of_all_tasks = [&](size_t buffer) {
    std::vector<torch::Tensor> values;
    for (const auto& task : kept_) values.push_back(task[buffer]);
    return torch::stack(values);
  };
  for (size_t i = 0; i < buffers_.size(); ++i) {
    const std::string& name = names_[i];
    if (name.size() < kMean.size() || name.substr(name.size() - kMean.size()) != kMean) continue;
    const std::string layer = name.substr(0, name.size() - kMean.size());
    const auto variance =
        static_cast<size_t>(std::find(names_.begin(), names_.end(), layer + kVariance) - names_.begin());
    const torch::Tensor means = of_all_tasks(i), mean = means.mean(0);
    buffers_[i].copy_(mean);
    buffers_[variance].copy_((of_all_tasks(variance) + (means - mean).square()).mean(0));
  }
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
