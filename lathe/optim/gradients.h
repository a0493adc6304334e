#pragma once
#include <torch/optim/optimizer.h>

#include <vector>

namespace lathe::optim {

using ParameterGroups = std::vector<std::vector<torch::Tensor>>;
ParameterGroups parameter_groups(const torch::optim::Optimizer& optimizer);

// The gradients that are there. Throws InputError for a sparse one.
std::vector<torch::Tensor> gradients_of(const std::vector<torch::Tensor>& parameters);
void require_dense(const torch::Tensor& parameter);

// Σ x² over all tensors together, added up in double precision: float64 [], on their device (the CPU for
// none).
torch::Tensor squared_norm(const std::vector<torch::Tensor>& tensors);

}  // namespace lathe::optim
