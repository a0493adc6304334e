#pragma once
#include <torch/types.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::optim {

// Gradients of several tasks, each nudged to the similarity that it usually has with the others. Wang,
// Tsvetkov, Firat & Cao, Gradient Vaccine, ICLR 2021 (arXiv 2010.05874), Algorithm 1.
//
// For each component k of the parameters, each task i, each other task j in random order:
//   φ = cos(g'_i, g_j)                      g'_i as changed by earlier j, g_j as it came
//   where φ < φ̂_ij:  g'_i ← g'_i + a g_j,   a = ‖g'_i‖ (φ̂ √(1 − φ²) − φ √(1 − φ̂²)) / (‖g_j‖ √(1 − φ̂²))
//   φ̂_ij ← (1 − β) φ̂_ij + β φ              always, with φ from before the change
// Then cos(g'_i, g_j) = φ̂_ij. With φ̂ = 0 for ever it is PCGrad (Yu et al., NeurIPS 2020).
struct Range {
  int64_t begin = 0, end = 0;  // columns
};

enum class TaskReduction { sum, mean };

struct VaccineOptions {
  double beta = 0.01;                 // of the moving average; paper, §4.1
  std::optional<double> target = {};  // a fixed φ̂ for all pairs instead, in (-1, 1); 0: PCGrad
  TaskReduction reduction = TaskReduction::sum;
  std::vector<int64_t> treated = {};  // rows that are changed; empty: all
};
void check(const VaccineOptions& options, int64_t num_tasks);  // throws InputError

struct VaccineResult {
  torch::Tensor gradient;      // [P], of G's type; float32 where that is a half
  torch::Tensor coefficients;  // float64 [K, T, T]: g'_i = Σ_m C_im g_m in component k
  int64_t pairs = 0, triggered = 0;
  double mean_cosine = 0;  // φ over all pairs, before changes; 0 where there is none
  double sum_norm = 0;     // ‖Σ_i g_i‖, before changes
};

// G: floating point [T, P], one row a task (halves are summed in float32); `components` part the columns 0 …
// P. `averages`, float64 [T, T, K], is φ̂; updated in place. Rows that are zero in a component, or not in
// `present`, are skipped there and their φ̂ stays. φ̂ above 0.999 counts as that. Works on the T × T products
// of the rows: G is read twice, whatever T.
VaccineResult vaccinate(const torch::Tensor& gradients, const std::vector<Range>& components,
                        torch::Tensor& averages, const VaccineOptions& options, core::Random& random,
                        const std::vector<bool>& present = {});

// Σ_i g'_i [P] of PCGrad over the whole rows.
torch::Tensor pcgrad(const torch::Tensor& gradients, core::Random& random);

}  // namespace lathe::optim
