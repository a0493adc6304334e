#pragma once
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>

#include "lathe/nn/model.h"

namespace lathe::nn {

struct MlpOptions {
  int64_t num_inputs = 784;
  int64_t num_classes = 10;
  std::vector<int64_t> hidden = {256, 256};
  double dropout = 0;  // after each hidden layer
};

// x -> flatten -> (linear -> ReLU -> dropout) for each hidden width -> linear. He initialisation, biases
// zero.
class Mlp : public Model {
 public:
  explicit Mlp(const MlpOptions& options);
  torch::Tensor forward(torch::Tensor inputs) override;
  void initialize(core::Seed seed) override;

 private:
  double dropout_;
  std::vector<torch::nn::Linear> layers_;
};

}  // namespace lathe::nn
