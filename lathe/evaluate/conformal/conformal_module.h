#pragma once
#include <torch/nn/module.h>
#include <torch/nn/modules/container/any.h>

#include "lathe/evaluate/conformal/conformal.h"

namespace lathe::evaluate::conformal {

struct PredictedSets {
  at::Tensor logits;  // the model's own, [N, K]
  Sets sets;
};

// A classifier whose predictions are sets. The model, any module that maps one tensor to logits, is its
// submodule "model"; parameters, devices and train() or eval() are the model's.
class ConformalModule : public torch::nn::Module {
 public:
  ConformalModule(torch::nn::AnyModule model, Conformal conformal);
  PredictedSets forward(const at::Tensor& inputs);

 private:
  torch::nn::AnyModule model_;
  Conformal conformal_;
};

}  // namespace lathe::evaluate::conformal
