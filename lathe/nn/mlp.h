#pragma once
#include "lathe/nn/model.h"

namespace lathe::nn {

struct MlpOptions {
  int64_t num_inputs = 784;
  int64_t num_classes = 10;
  std::vector<int64_t> hidden = {256, 256};
  double dropout = 0;  // after each hidden layer
  bool bias = true;    // of all layers
};

// Weights of its matrices, counted without making it (in double: a description may ask for any number).
double num_weights(const MlpOptions& options);

// x -> flatten -> (linear -> ReLU -> dropout) for each hidden width -> linear. He initialisation, biases
// zero.
class Mlp : public FeatureModel {
 public:
  explicit Mlp(const MlpOptions& options);
  torch::Tensor features(torch::Tensor inputs) override;
  torch::nn::LinearImpl& head() override { return *layers_.back(); }
  void initialize(core::Seed seed) override;

 private:
  double dropout_;
  std::vector<torch::nn::Linear> layers_;
};

}  // namespace lathe::nn
