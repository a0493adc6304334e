#include "lathe/nn/convolution.h"

#include <torch/torch.h>

#include "lathe/nn/initialization.h"

namespace lathe::nn {

Convolution::Convolution(const ConvolutionOptions& o)
    : relu_(o.relu),
      convolution_(register_module(
          "convolution", torch::nn::Conv2d(torch::nn::Conv2dOptions(o.in_channels, o.out_channels, o.kernel)
                                               .stride(o.stride)
                                               .padding(o.kernel / 2)
                                               .bias(false)))),
      norm_(register_module("norm", torch::nn::BatchNorm2d(o.out_channels))) {}

torch::Tensor Convolution::forward(torch::Tensor images) {
  images = norm_->forward(convolution_->forward(images));
  return relu_ ? images.relu_() : images;
}

void Convolution::initialize(core::Seed seed) {
  he_normal(convolution_->weight, seed);
}

}  // namespace lathe::nn
