#pragma once
#include <torch/types.h>

namespace lathe::train::invariance {

// The samples of a batch sorted into cells (class c, part e). C classes, E parts, B samples.
struct Parts {
  torch::Tensor membership;                                          // bool [C · E, B]
  torch::Tensor counts;                                              // int64 [C, E]
  torch::Tensor present() const { return counts > 0; }               // bool [C, E]
  torch::Tensor compared() const { return present().sum(1).ge(2); }  // bool [C]: at least two parts are there
};
// classes, parts: integers [B] in [0, C) and [0, E). Not checked: a sample outside is in no cell.
Parts parts_of(const torch::Tensor& classes, const torch::Tensor& parts, int64_t num_classes,
               int64_t num_parts);
Parts parts_of(const torch::Tensor& parts, int64_t num_parts);  // all samples one class, C = 1

// The mean of the rows of each cell, [B] -> [C, E] or [B, K] -> [C, E, K]; 0 in a cell without samples.
torch::Tensor cell_means(const Parts& parts, const torch::Tensor& values);

}  // namespace lathe::train::invariance
