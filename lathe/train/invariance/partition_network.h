#pragma once
#include "lathe/train/invariance/group_inference.h"

namespace lathe::train::invariance {

// Method pgi of infer_groups for the examples of one class: bool [N], true in the second part.
// gradients: dummy_gradients of the logits, [N, K].
torch::Tensor soft_partition(const torch::Tensor& features, const torch::Tensor& losses,
                             const torch::Tensor& gradients, const GroupInferenceOptions& options,
                             core::Seed seed);

}  // namespace lathe::train::invariance
