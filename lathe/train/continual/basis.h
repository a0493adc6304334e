#pragma once
#include <torch/types.h>

namespace lathe::train::continual {

// Bases of what a layer has seen, from Gram matrices. Saha, Garg & Roy, ICLR 2021 (arXiv 2103.09762), §4 and
// §5. R [d, m] holds a layer's inputs as columns, G = R Rᵀ is float64 [d, d]; its eigenvalues are R's squared
// singular values, so R itself is never needed. M [d, k] has orthonormal columns.

// `energy`: the share of ‖R‖² that lies in the span of M, ‖Mᵀ R‖² / ‖R‖²; 1 where R is 0.
struct Basis {
  torch::Tensor vectors;  // M, float64 [d, k]
  double energy = 1;
};

// The smallest k whose singular vectors hold a share `threshold` of the energy, Σ_{i ≤ k} σ_i² ≥ ε ‖R‖² (eq.
// 5). The authors' code counts the vectors whose cumulative energy is still below it: one less, 0 is
// possible.
enum class FirstTaskRule { paper, authors };
Basis first_basis(const torch::Tensor& gram, double threshold, FirstTaskRule rule = FirstTaskRule::paper);

// M ← [M, Û_k] with Û the singular vectors of R̂ = R − M Mᵀ R and the smallest k, maybe 0, for which
// ‖R‖² − ‖R̂‖² + Σ_{i ≤ k} σ̂_i² ≥ ε ‖R‖² (eqs. 8 and 9). Where k > 0 it is orthonormal to float64's precision.
Basis extend_basis(const torch::Tensor& basis, const torch::Tensor& gram, double threshold);

}  // namespace lathe::train::continual
