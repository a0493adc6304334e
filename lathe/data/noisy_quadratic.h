#pragma once
#include <torch/types.h>

#include "lathe/core/seed.h"

namespace lathe::data {

// F(w) = ½ Σ λ_i w_i², seen through gradients λ∘w + ξ with ξ_i ~ N(0, noise²): what stochastic methods
// estimate is known here. The minimum is 0 at w = 0, the smoothness constant max λ, the Polyak–Łojasiewicz
// constant min λ.
struct NoisyQuadratic {
  torch::Tensor eigenvalues;  // float64 [d], positive
  double noise = 1;

  double value(const torch::Tensor& w) const;
  torch::Tensor gradient(const torch::Tensor& w) const { return eigenvalues * w; }
  torch::Tensor noisy_gradient(const torch::Tensor& w, core::Seed seed) const;
  double variance() const;  // E‖ξ‖² = d · noise²
};
// Eigenvalues from `smallest` to `largest` in equal ratios. Throws InputError.
NoisyQuadratic noisy_quadratic(int64_t dimension, double smallest, double largest, double noise);

}  // namespace lathe::data
