#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <vector>

namespace lathe::train {

// Exponential moving average of a model's parameters and floating-point buffers (Polyak & Juditsky 1992):
//   a ← d_t a + (1 − d_t) w,   d_t = min(decay, (1 + t) / (10 + t)), so that the start is forgotten quickly.
class WeightAverage {
 public:
  WeightAverage(const torch::nn::Module& module, double decay);
  void update();
  void swap();  // exchanges the average with the model's weights; again to exchange back
  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
  const std::vector<torch::Tensor>& values() const { return average_; }

 private:
  double decay_;
  int64_t updates_ = 0;
  std::vector<torch::Tensor> weights_, average_;
};

// Parameters, then floating-point buffers: all that training changes.
std::vector<torch::Tensor> trained_tensors(const torch::nn::Module& module);

}  // namespace lathe::train
