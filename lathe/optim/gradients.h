#pragma once
#include <torch/types.h>

#include <vector>

namespace lathe::optim {

// The gradients that are there. Throws InputError for a sparse one.
std::vector<torch::Tensor> gradients_of(const std::vector<torch::Tensor>& parameters);
void require_dense(const torch::Tensor& parameter);

}  // namespace lathe::optim
