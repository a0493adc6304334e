#include "lathe/nn/task_heads.h"

#include <torch/torch.h>

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {

TaskHeads::TaskHeads(std::shared_ptr<FeatureModel> network, const std::vector<int64_t>& num_classes,
                     core::Seed seed)
    : network_(register_module("network", std::move(network))) {
  heads_.push_back(&network_->head());
  const int64_t width = heads_[0]->weight.size(1);
  if (num_classes.empty() || num_classes[0] != heads_[0]->weight.size(0))
    throw InputError("the network's last layer has {} classes, the first task {}", heads_[0]->weight.size(0),
                     num_classes.empty() ? 0 : num_classes[0]);
  for (size_t task = 1; task < num_classes.size(); ++task) {
    const auto options = torch::nn::LinearOptions(width, num_classes[task]).bias(heads_[0]->bias.defined());
    const auto head = register_module("head" + std::to_string(task), torch::nn::Linear(options));
    uniform_fan_in(head->weight, seed.stream(task));
    const torch::NoGradGuard no_grad;
    if (head->bias.defined()) head->bias.zero_();
    heads_.push_back(head.get());
  }
  to(device_of(*network_));
}

torch::Tensor TaskHeads::forward(torch::Tensor inputs) {
  return heads_[static_cast<size_t>(selected_)]->forward(features(std::move(inputs)));
}

void TaskHeads::select(int64_t task) {
  head(task);
  selected_ = task;
}

torch::nn::LinearImpl& TaskHeads::head(int64_t task) {
  if (task < 0 || task >= num_tasks())
    throw InputError("there is no head for task {}; there are {}", task, num_tasks());
  return *heads_[static_cast<size_t>(task)];
}

std::vector<std::string> TaskHeads::head_names() const {
  std::vector<std::string> names;
  for (const auto& entry : named_modules("", /*include_self=*/false))
    if (std::find(heads_.begin(), heads_.end(), entry.value()->as<torch::nn::Linear>()) != heads_.end())
      names.push_back(entry.key());
  return names;
}

}  // namespace lathe::nn
