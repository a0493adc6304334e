#pragma once
#include <torch/types.h>

namespace lathe::data {

// Rows `indices` (int64 [M]) of a tensor of any type on the CPU, copied by the calling thread alone.
torch::Tensor gather_rows(const torch::Tensor& rows, const torch::Tensor& indices);

// The indices as a contiguous CPU tensor. Throws Error unless they are int64 [M], each in [0, num_rows).
torch::Tensor checked_indices(const torch::Tensor& indices, int64_t num_rows);

}  // namespace lathe::data
