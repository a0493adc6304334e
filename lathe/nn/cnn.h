#pragma once
#include "lathe/nn/convolution.h"
#include "lathe/nn/model.h"

namespace lathe::nn {

struct CnnOptions {
  int64_t in_channels = 1;
  int64_t num_classes = 10;
  int64_t stem_channels = 0;  // a 5×5 first convolution that halves the image; 0: none
  std::vector<int64_t> channels = {16, 32, 64, 64, 128, 128};  // of each 3×3 convolution
  int64_t pool_every = 2;  // a 2×2 max pool between every so many of them
  double dropout = 0;      // before the last layer
};

// Weights of its matrices, counted without making it (in double: a description may ask for any number).
double num_weights(const CnnOptions& options);

// [N, C, H, W] -> stem -> convolutions, each with batch norm and ReLU, with max pools between -> global
// average + global maximum -> linear.
class Cnn : public FeatureModel {
 public:
  explicit Cnn(const CnnOptions& options);
  torch::Tensor features(torch::Tensor images) override;
  torch::nn::LinearImpl& head() override { return *head_; }
  void initialize(core::Seed seed) override;

 private:
  size_t pool_every_;
  double dropout_;
  std::shared_ptr<Convolution> stem_;
  std::vector<std::shared_ptr<Convolution>> layers_;
  torch::nn::Linear head_{nullptr};
};

}  // namespace lathe::nn
