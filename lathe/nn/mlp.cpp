#include "lathe/nn/mlp.h"

#include <torch/torch.h>

#include "lathe/nn/initialization.h"

namespace lathe::nn {

double num_weights(const MlpOptions& options) {
  double weights = 0;
  auto width = static_cast<double>(options.num_inputs);
  for (int64_t next : options.hidden) {
    weights += width * static_cast<double>(next);
    width = static_cast<double>(next);
  }
  return weights + width * static_cast<double>(options.num_classes);
}

Mlp::Mlp(const MlpOptions& options) : dropout_(options.dropout) {
  int64_t width = options.num_inputs;
  std::vector<int64_t> widths = options.hidden;
  widths.push_back(options.num_classes);
  for (int64_t next : widths) {
    layers_.push_back(
        register_module("linear" + std::to_string(layers_.size()),
                        torch::nn::Linear(torch::nn::LinearOptions(width, next).bias(options.bias))));
    width = next;
  }
}

torch::Tensor Mlp::features(torch::Tensor x) {
  x = x.flatten(1);
  for (size_t i = 0; i + 1 < layers_.size(); ++i) {
    x = layers_[i]->forward(x).relu_();
    if (dropout_ > 0) x = torch::dropout(x, dropout_, is_training());
  }
  return x;
}

void Mlp::initialize(core::Seed seed) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const core::Seed stream = seed.stream(i);
    if (i + 1 < layers_.size())
      he_normal(layers_[i]->weight, stream);
    else
      uniform_fan_in(layers_[i]->weight, stream);
    if (layers_[i]->bias.defined()) layers_[i]->bias.zero_();
  }
}

}  // namespace lathe::nn
