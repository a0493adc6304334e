#pragma once
#include <torch/types.h>

#include <cstdint>

namespace lathe::evaluate {

struct ClassificationOptions {
  int64_t top_k = 5;  // with top_k ≥ K every example counts as found
};

// With p = softmax(logits), N examples and K classes.
//
// Classes of equal logits rank by index, the lowest first: an example's prediction is the first of its
// largest logits, and a target is among the top k when fewer than k classes rank before it.
struct ClassificationMetrics {
  int64_t num_examples = 0;
  double accuracy = 0;   // share of examples whose prediction is the target
  double top_k = 0;      // share of examples whose target is among the top k
  double nll = 0;        // mean of -ln p_target, in nats
  double brier = 0;      // mean over examples of the sum ∑_k (p_k − y_k)², in [0, 2] (Brier 1950, eq. 2)
  at::Tensor confusion;  // int64 [K, K], rows truth, columns prediction
  at::Tensor precision;  // float64 [K]: NaN for a class that is never predicted
  at::Tensor recall;     // float64 [K]: NaN for a class without examples
  at::Tensor f1;         // float64 [K]: 2 TP / (2 TP + FP + FN), NaN for a class that is neither
};

// Logits: floating point [N, K], -inf allowed for an excluded class; targets: int64 [N] in [0, K); any
// device. Computed in float64. Throws InputError for other shapes and types, no example, a target out of
// range, and the first row of logits that is no distribution.
ClassificationMetrics classification_metrics(const at::Tensor& logits, const at::Tensor& targets,
                                             const ClassificationOptions& options = {});

}  // namespace lathe::evaluate
