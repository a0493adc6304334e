#include "lathe/nn/spectral_norm.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {
namespace {

constexpr double kLeastNorm = 1e-12;

torch::Tensor unit(const torch::Tensor& vector) {
  return vector / vector.norm().clamp_min(kLeastNorm);
}

}  // namespace

SpectralNorm::SpectralNorm(SpectralNormOptions options) : options_(options) {
  if (options_.rows < 1) throw Error("spectral norm: rows must be at least 1, got {}", options_.rows);
  if (options_.power_iterations < 1)
    throw Error("spectral norm: power_iterations must be at least 1, got {}", options_.power_iterations);
  u_ = register_buffer("u", unit(torch::ones({options_.rows})));
}

void SpectralNorm::initialize(core::Seed seed) {
  const torch::NoGradGuard no_grad;
  u_.copy_(unit(torch::randn({options_.rows}, generator(seed))));
}

torch::Tensor SpectralNorm::forward(const torch::Tensor& weight) {
  if (weight.dim() < 2 || weight.size(0) != options_.rows)
    throw Error("spectral norm was made for a weight of {} rows, got {}", options_.rows,
                weight.dim() > 0 ? weight.size(0) : 0);
  const torch::Tensor matrix = weight.flatten(1);
  torch::Tensor u, v;
  {
    const torch::NoGradGuard no_grad;
    u = u_.to(matrix.dtype());
    v = unit(torch::mv(matrix.t(), u));
    for (int64_t i = 0; is_training() && i < options_.power_iterations; ++i) {
      u = unit(torch::mv(matrix, v));
      v = unit(torch::mv(matrix.t(), u));
    }
    if (is_training()) u_.copy_(u);
  }
  return weight / torch::dot(u, torch::mv(matrix, v)).clamp_min(kLeastNorm);
}

}  // namespace lathe::nn
