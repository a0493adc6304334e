#pragma once
#include <vector>

#include "lathe/train/invariance/group_inference.h"

namespace lathe::train::invariance {

// A class that is to be split: its examples and what its network and its batches are drawn from.
struct ClassRows {
  torch::Tensor rows;  // int64, not empty
  core::Seed seed;
};

// Method pgi of infer_groups, the networks of all classes trained side by side: bool [N], true in the second
// part of its class, false for examples of no class in `classes`. features: [N, D]; losses: [N]; gradients:
// dummy_gradients of the logits, [N, K].
torch::Tensor soft_partition(const torch::Tensor& features, const torch::Tensor& losses,
                             const torch::Tensor& gradients, const std::vector<ClassRows>& classes,
                             const GroupInferenceOptions& options);

}  // namespace lathe::train::invariance
