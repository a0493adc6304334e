#pragma once
#include "lathe/nn/convolution.h"
#include "lathe/nn/model.h"

namespace lathe::nn {

struct ResNetOptions {
  int64_t in_channels = 3;
  int64_t num_classes = 10;
  int64_t depth = 20;  // 6n + 2 (20, 32, 44, 56, 110): for 32×32 images; 18 or 34: for 224×224 images
  int64_t width = 0;   // channels of the first stage; 0: as published (16 for 6n + 2, 64 for 18 and 34)
};

// At least so many weights, counted without making it (in double: a description may ask for any number).
double least_weights(const ResNetOptions& options);

// y = ReLU(x' + F(x)), F two 3×3 convolutions with batch norm; x' is x where the shape stays. Where it
// changes: every second pixel, new channels zero ("A", 6n + 2), or a 1×1 convolution with batch norm ("B", 18
// and 34).
class ResidualBlock : public Model {
 public:
  enum class Shortcut { zero_padding, projection };
  ResidualBlock(int64_t in_channels, int64_t out_channels, int64_t stride, Shortcut shortcut);
  torch::Tensor forward(torch::Tensor x) override;
  void initialize(core::Seed seed) override;

 private:
  int64_t stride_, new_channels_;
  std::shared_ptr<Convolution> first_, second_, projection_;
};

// He et al. 2016, "Deep residual learning", §4.1 (18, 34) and §4.2 (6n + 2). Throws InputError for another
// depth.
class ResNet : public FeatureModel {
 public:
  explicit ResNet(const ResNetOptions& options);
  torch::Tensor features(torch::Tensor images) override;
  torch::nn::LinearImpl& head() override { return *head_; }
  void initialize(core::Seed seed) override;

 private:
  bool large_images_;
  std::shared_ptr<Convolution> stem_;
  std::vector<std::shared_ptr<ResidualBlock>> blocks_;
  torch::nn::Linear head_{nullptr};
};

}  // namespace lathe::nn
