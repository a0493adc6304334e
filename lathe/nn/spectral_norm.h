#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include "lathe/core/seed.h"

namespace lathe::nn {

struct SpectralNormOptions {
  int64_t rows = 1;              // of the weight as a matrix [rows, everything else]
  int64_t power_iterations = 1;  // of a forward pass in training; Miyato et al. 2018, §2.1
};

// W ↦ W / σ(W), σ the largest singular value of the weight as a matrix [rows, everything else], estimated by
// power iteration. Miyato, Kataoka, Koyama & Yoshida, ICLR 2018 (arXiv 1802.05957), algorithm 1:
//
//   v = Wᵀu / ‖Wᵀu‖,  u = Wv / ‖Wv‖     without gradient, kept from pass to pass
//   σ = uᵀ W v                          with gradient to W
//
// u is a buffer; in evaluation mode it stays as it is. Throws Error where W has another number of rows.
class SpectralNorm : public torch::nn::Module {
 public:
  explicit SpectralNorm(SpectralNormOptions options);
  torch::Tensor forward(const torch::Tensor& weight);
  void initialize(core::Seed seed);  // u ~ N(0, I), normalised

 private:
  SpectralNormOptions options_;
  torch::Tensor u_;  // [rows]
};

}  // namespace lathe::nn
