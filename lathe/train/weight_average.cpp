#include "lathe/train/weight_average.h"

#include <torch/torch.h>

namespace lathe::train {

std::vector<torch::Tensor> trained_tensors(const torch::nn::Module& module) {
  std::vector<torch::Tensor> tensors;
  for (const torch::Tensor& parameter : module.parameters()) tensors.push_back(parameter.detach());
  for (const torch::Tensor& buffer : module.buffers())
    if (buffer.is_floating_point()) tensors.push_back(buffer);
  return tensors;
}

WeightAverage::WeightAverage(const torch::nn::Module& module, double decay)
    : decay_(decay), weights_(trained_tensors(module)) {
  for (const torch::Tensor& weight : weights_) average_.push_back(weight.clone());
}

void WeightAverage::update() {
  const torch::NoGradGuard no_grad;
  const double decay =
      std::min(decay_, (1.0 + static_cast<double>(updates_)) / (10.0 + static_cast<double>(updates_)));
  torch::_foreach_mul_(average_, decay);
  torch::_foreach_add_(average_, weights_, 1 - decay);
  ++updates_;
}

void WeightAverage::swap() {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < weights_.size(); ++i) {
    const torch::Tensor weight = weights_[i].clone();
    weights_[i].copy_(average_[i]);
    average_[i].copy_(weight);
  }
}

}  // namespace lathe::train
