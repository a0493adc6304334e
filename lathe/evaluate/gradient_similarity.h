#pragma once
#include <torch/types.h>

#include <string>
#include <vector>

#include "lathe/math/rank.h"

namespace lathe::evaluate {

// A named part of the parameters: columns of the gradients.
struct GradientComponent {
  std::string name;
  int64_t begin = 0, end = 0;
};

struct SimilarityReport {
  std::vector<std::string> components;
  int64_t observations = 0;
  torch::Tensor
      cosine;  // float64 [K, T, T]: means along the trajectory; NaN where a gradient was always zero
  std::vector<double> negative;  // of each component: share of pairs with a negative cosine
};

// How alike the gradients of several tasks are, layer by layer, along a training trajectory. Wang et al.,
// Gradient Vaccine, ICLR 2021, §3. The tasks' gradients must be taken at the same parameters, without
// dropout, on batches that are parallel across tasks (the same content, the same size): on training batches
// of tasks of unequal size, noise and over-fitting drown what is sought.
class GradientSimilarity {
 public:
  // Throws InputError for fewer than two tasks, no components, and columns that run backwards.
  GradientSimilarity(int64_t num_tasks, std::vector<GradientComponent> components);
  // gradients: floating point [T, P]. Throws InputError for other shapes. A pair with a gradient that is zero
  // in a component, or not finite, is left out there.
  void observe(const torch::Tensor& gradients);
  SimilarityReport report() const;

 private:
  int64_t num_tasks_, observations_ = 0;
  std::vector<GradientComponent> components_;
  torch::Tensor sums_, negative_, counts_;  // float64 [K, T, T]
};

// Spearman's correlation of cosine and −distance, both [T, T], over pairs i < j. The p-value takes the pairs
// for independent, which they are not. Throws InputError for other shapes and what math::spearman refuses.
math::Correlation closeness(const torch::Tensor& cosine, const torch::Tensor& distance);

}  // namespace lathe::evaluate
