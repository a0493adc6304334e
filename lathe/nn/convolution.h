#pragma once
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "lathe/nn/model.h"

namespace lathe::nn {

struct ConvolutionOptions {
  int64_t in_channels = 1, out_channels = 1;
  int64_t kernel = 3, stride = 1;  // padding kernel / 2
  bool relu = true;
};

// convolution (no bias) -> batch norm -> ReLU. He initialisation.
class Convolution : public Model {
 public:
  explicit Convolution(const ConvolutionOptions& options);
  torch::Tensor forward(torch::Tensor images) override;
  void initialize(core::Seed seed) override;

 private:
  bool relu_;
  torch::nn::Conv2d convolution_;
  torch::nn::BatchNorm2d norm_;
};

}  // namespace lathe::nn
