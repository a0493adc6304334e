#pragma once
#include <torch/types.h>

namespace lathe::train::continual {

// What became of T tasks. A [T, T]: A[i][j] is the accuracy on task j after training on task i, in [0, 1];
// b [T]: that of the untrained model. Lopez-Paz & Ranzato, NeurIPS 2017 (arXiv 1706.08840), §2.
struct TransferMeasures {
  double acc = 0;  // mean_j A[T−1][j]
  double bwt = 0;  // mean_{j < T−1} (A[T−1][j] − A[j][j]): below 0 where tasks were forgotten
  double fwt = 0;  // mean_{j > 0} (A[j−1][j] − b[j])
};
// bwt and fwt are 0 for one task. What A does not hold (NaN) makes the measures NaN that need it.
TransferMeasures transfer_measures(const torch::Tensor& accuracy, const torch::Tensor& untrained);

}  // namespace lathe::train::continual
