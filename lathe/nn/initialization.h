#pragma once
#include <torch/types.h>

#include "lathe/core/seed.h"

namespace lathe::nn {

// A generator of torch's own for functions that want one; CPU.
at::Generator generator(core::Seed seed);

// weight ~ N(0, 2 / fan_in): He et al. 2015, "Delving deep into rectifiers", eq. 10. Convolution or linear
// weight.
void he_normal(const torch::Tensor& weight, core::Seed seed);
// weight ~ U(±sqrt(1 / fan_in)), bias likewise: for a last layer, so that first logits are small.
void uniform_fan_in(const torch::Tensor& weight, core::Seed seed);

}  // namespace lathe::nn
