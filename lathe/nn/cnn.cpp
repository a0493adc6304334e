#include "lathe/nn/cnn.h"

#include <torch/torch.h>

#include "lathe/nn/initialization.h"

namespace lathe::nn {

double num_weights(const CnnOptions& options) {
  double weights = 0;
  auto channels = static_cast<double>(options.in_channels);
  const auto convolution = [&](int64_t out, double kernel) {
    weights += kernel * kernel * channels * static_cast<double>(out);
    channels = static_cast<double>(out);
  };
  if (options.stem_channels > 0) convolution(options.stem_channels, 5);
  for (int64_t out : options.channels) convolution(out, 3);
  return weights + channels * static_cast<double>(options.num_classes);
}

Cnn::Cnn(const CnnOptions& options)
    : pool_every_(static_cast<size_t>(options.pool_every)), dropout_(options.dropout) {
  int64_t channels = options.in_channels;
  const auto convolution = [&](const std::string& name, int64_t out, int64_t kernel, int64_t stride) {
    auto layer = std::make_shared<Convolution>(
        ConvolutionOptions{.in_channels = channels, .out_channels = out, .kernel = kernel, .stride = stride});
    channels = out;
    return register_module(name, layer);
  };
  if (options.stem_channels > 0) stem_ = convolution("stem", options.stem_channels, 5, 2);
  for (int64_t out : options.channels)
    layers_.push_back(convolution("convolution" + std::to_string(layers_.size()), out, 3, 1));
  head_ = register_module("head", torch::nn::Linear(channels, options.num_classes));
}

torch::Tensor Cnn::features(torch::Tensor x) {
  if (stem_) x = stem_->forward(x);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (i > 0 && i % pool_every_ == 0) x = torch::max_pool2d(x, 2);
    x = layers_[i]->forward(x);
  }
  x = x.mean({2, 3}) + x.amax({2, 3});
  return dropout_ > 0 ? torch::dropout(x, dropout_, is_training()) : x;
}

void Cnn::initialize(core::Seed seed) {
  if (stem_) stem_->initialize(seed.stream("stem"));
  for (size_t i = 0; i < layers_.size(); ++i) layers_[i]->initialize(seed.stream(i));
  uniform_fan_in(head_->weight, seed.stream("head"));
  const torch::NoGradGuard no_grad;
  head_->bias.zero_();
}

}  // namespace lathe::nn
