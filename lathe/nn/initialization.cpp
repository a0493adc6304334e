#include "lathe/nn/initialization.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

namespace lathe::nn {
namespace {
int64_t fan_in(const torch::Tensor& weight) {
  return weight.numel() / weight.size(0);
}
}  // namespace

at::Generator generator(core::Seed seed) {
  return at::detail::createCPUGenerator(seed.value());
}

void he_normal(const torch::Tensor& weight, core::Seed seed) {
  const torch::NoGradGuard no_grad;
  weight.normal_(0, std::sqrt(2.0 / static_cast<double>(fan_in(weight))), generator(seed));
}

void uniform_fan_in(const torch::Tensor& weight, core::Seed seed) {
  const torch::NoGradGuard no_grad;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in(weight)));
  weight.uniform_(-bound, bound, generator(seed));
}

}  // namespace lathe::nn
