#include "lathe/evaluate/conformal/conformal_module.h"

#include <torch/torch.h>

namespace lathe::evaluate::conformal {

ConformalModule::ConformalModule(torch::nn::AnyModule model, Conformal conformal)
    : model_(std::move(model)), conformal_(std::move(conformal)) {
  register_module("model", model_.ptr());
}

PredictedSets ConformalModule::forward(const at::Tensor& inputs) {
  const at::Tensor logits = model_.forward<at::Tensor>(inputs);
  return {logits, conformal_.predict({.logits = logits})};
}

}  // namespace lathe::evaluate::conformal
