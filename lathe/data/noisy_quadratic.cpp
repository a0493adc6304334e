#include "lathe/data/noisy_quadratic.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::data {

double NoisyQuadratic::value(const torch::Tensor& w) const {
  return 0.5 * (eigenvalues * w.detach().square()).sum().item<double>();
}

torch::Tensor NoisyQuadratic::noisy_gradient(const torch::Tensor& w, core::Seed seed) const {
  return gradient(w) + noise * torch::randn(eigenvalues.sizes(), at::detail::createCPUGenerator(seed.value()),
                                            torch::kFloat64);
}

double NoisyQuadratic::variance() const {
  return static_cast<double>(eigenvalues.numel()) * noise * noise;
}

NoisyQuadratic noisy_quadratic(int64_t dimension, double smallest, double largest, double noise) {
  if (dimension < 1) throw InputError("a quadratic needs at least 1 dimension, got {}", dimension);
  if (!(smallest > 0 && largest >= smallest && std::isfinite(largest)))
    throw InputError("eigenvalues must lie between two positive numbers, got {} and {}", smallest, largest);
  if (!(noise >= 0)) throw InputError("noise must be at least 0, got {}", noise);
  return {torch::logspace(std::log(smallest), std::log(largest), dimension, M_E, torch::kFloat64), noise};
}

}  // namespace lathe::data
