#pragma once
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::nn {

// Anything that maps a batch to a batch. A classifier maps inputs as the data set holds them (uint8 images
// [N, C, H, W], float32 tables [N, F]) to logits [N, num_classes]; its layers map activations to activations.
class Model : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(torch::Tensor inputs) = 0;
  // Gives every parameter its published initial value, drawn from `seed`. Layers without parameters do
  // nothing.
  virtual void initialize(core::Seed) {}
};

// A model that ends in one linear layer: logits = W f(x) + b.
class FeatureModel : public Model {
 public:
  virtual torch::Tensor features(torch::Tensor inputs) = 0;  // f(x), [N, D]
  virtual torch::nn::LinearImpl& head() = 0;                 // W [num_classes, D] and b
  torch::Tensor forward(torch::Tensor inputs) override { return head().forward(features(inputs)); }
};

struct Cost {
  int64_t parameters = 0;
  int64_t flops = 0;  // floating-point operations of one example's forward pass; a multiply-add counts two
};
// Counted while one example of this shape runs through the model: convolutions and matrix products, whoever
// calls them (so TorchScript modules are counted too); element-wise work is left out, as is customary.
Cost cost(Model& model, const torch::Tensor& example);

// The model's buffers (batch-norm running statistics) as they were at construction.
class BufferSnapshot {
 public:
  explicit BufferSnapshot(const torch::nn::Module& module);
  void restore() const;

 private:
  std::vector<torch::Tensor> buffers_, saved_;
};

// While it lives, forward passes leave no trace in the model's buffers.
class FrozenStatistics {
 public:
  explicit FrozenStatistics(const torch::nn::Module& module) : snapshot_(module) {}
  ~FrozenStatistics() { snapshot_.restore(); }
  FrozenStatistics(const FrozenStatistics&) = delete;
  FrozenStatistics& operator=(const FrozenStatistics&) = delete;

 private:
  BufferSnapshot snapshot_;
};

// Evaluation mode while it lives, then the mode that each of the module's parts was in.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& module);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  torch::nn::Module& module_;
  bool training_;
  std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>> parts_;  // parents before children
};

// Outputs for all inputs, in evaluation mode, without gradients, `batch_size` at a time, each batch moved to
// the model's device; the result is on the CPU.
torch::Tensor predict(Model& model, const torch::Tensor& inputs, int64_t batch_size = 500);

torch::Device device_of(
    const torch::nn::Module& module);  // of its first parameter or buffer; CPU if it has none

}  // namespace lathe::nn
