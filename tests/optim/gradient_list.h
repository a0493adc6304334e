#pragma once
#include <torch/torch.h>

#include "lathe/optim/optimizer.h"
#include "tests/support/archive.h"

namespace lathe::optim {

inline torch::Tensor doubles(std::vector<double> values) {
  return torch::tensor(values, torch::kFloat64);
}

// Gives each parameter of each replica the gradient that a list names.
class GradientList : public GradientSource {
 public:
  using Gradients = std::vector<std::vector<torch::Tensor>>;  // [replica][parameter]
  GradientList(std::vector<torch::Tensor> parameters, Gradients gradients)
      : parameters_(std::move(parameters)), gradients_(std::move(gradients)) {}
  double progress() const override { return at_progress; }
  int64_t local_replicas() const override { return static_cast<int64_t>(gradients_.size()); }
  int64_t replicas() const override { return local_replicas(); }
  void all_reduce_sum(at::TensorList) override {}
  Evaluation evaluate(int64_t i, Pass) override {
    for (size_t p = 0; p < parameters_.size(); ++p)
      parameters_[p].mutable_grad() = gradients_[static_cast<size_t>(i)][p].clone();
    return {.loss = 1, .samples = sizes.empty() ? 4 : sizes[static_cast<size_t>(i)]};
  }
  double at_progress = 0;
  std::vector<int64_t> sizes;  // of the micro-batches; empty: all 4

 private:
  std::vector<torch::Tensor> parameters_;
  Gradients gradients_;
};

using testing_support::transfer;

}  // namespace lathe::optim
