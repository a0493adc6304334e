#include "lathe/optim/gradients.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::optim {
namespace {

// A float sum over ten million squares is off in the fourth digit. Lanes of a short block stay exact to the
// seventh; blocks are added in double.
template <typename Float>
double sum_of_squares(const Float* x, int64_t size) {
  constexpr int64_t kLanes = 16, kBlock = 4096;
  double sum = 0;
  for (int64_t begin = 0; begin < size; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, size);
    Float lanes[kLanes] = {};
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes)
      for (int64_t k = 0; k < kLanes; ++k) lanes[k] += x[i + k] * x[i + k];
    for (; i < end; ++i) lanes[0] += x[i] * x[i];
    for (const Float lane : lanes) sum += static_cast<double>(lane);
  }
  return sum;
}

// All elements in memory order, without a copy where they lie side by side.
torch::Tensor flat(const torch::Tensor& tensor) {
  if (tensor.is_sparse()) return flat(tensor.coalesce().values());
  const torch::Tensor values =
      tensor.element_size() < 4 ? tensor.to(torch::kFloat32) : tensor;  // half, bfloat16
  return values.is_non_overlapping_and_dense() ? values.as_strided({values.numel()}, {1})
                                               : values.reshape({-1});
}

}  // namespace

ParameterGroups parameter_groups(const torch::optim::Optimizer& optimizer) {
  ParameterGroups groups;
  for (const auto& group : optimizer.param_groups()) groups.push_back(group.params());
  return groups;
}

void require_dense(const torch::Tensor& parameter) {
  if (parameter.grad().is_sparse())
    throw InputError(
        "a parameter of shape {} has a sparse gradient; make its embedding dense (sparse = false)",
        fmt::join(parameter.sizes(), "×"));
}

std::vector<torch::Tensor> gradients_of(const std::vector<torch::Tensor>& parameters) {
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : parameters) {
    if (!parameter.grad().defined()) continue;
    require_dense(parameter);
    gradients.push_back(parameter.grad());
  }
  return gradients;
}

torch::Tensor squared_norm(const std::vector<torch::Tensor>& tensors) {
  const torch::NoGradGuard no_grad;
  if (tensors.empty() || tensors.front().is_cpu()) {
    double sum = 0;
    for (const torch::Tensor& tensor : tensors) {
      const torch::Tensor values = flat(tensor);
      sum += values.scalar_type() == torch::kFloat64
                 ? sum_of_squares(values.data_ptr<double>(), values.numel())
                 : sum_of_squares(values.data_ptr<float>(), values.numel());
    }
    return torch::scalar_tensor(sum, torch::kFloat64);
  }
  std::vector<torch::Tensor> norms;  // a device adds up as a tree, which is exact enough
  for (const torch::Tensor& tensor : tensors) norms.push_back(at::linalg_vector_norm(flat(tensor)));
  return torch::stack(norms).to(torch::kFloat64).square().sum();
}

}  // namespace lathe::optim
