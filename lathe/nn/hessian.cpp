#include "lathe/nn/hessian.h"

#include <torch/torch.h>

#include <numeric>

#include "lathe/core/error.h"

namespace lathe::nn {
namespace {

using Tensors = std::vector<torch::Tensor>;

int64_t dimension(const Tensors& parameters) {
  return std::accumulate(parameters.begin(), parameters.end(), int64_t{0},
                         [](int64_t sum, const torch::Tensor& p) { return sum + p.numel(); });
}

torch::Tensor zeros(const Tensors& parameters) {
  return torch::zeros({dimension(parameters)}, parameters.at(0).options().dtype(torch::kFloat64));
}

// flat += factor · tensors; an undefined one is zero.
void add(torch::Tensor& flat, const Tensors& tensors, const Tensors& parameters, double factor) {
  int64_t begin = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const int64_t size = parameters[i].numel();
    if (tensors[i].defined())
      flat.narrow(0, begin, size).add_(tensors[i].detach().reshape(-1).to(torch::kFloat64), factor);
    begin += size;
  }
}

// Calls work(L_i, n_i / Σ n) for each batch.
void for_each_batch(const MeanLoss& loss,
                    const std::function<void(const torch::Tensor& loss, double share)>& work) {
  const auto total =
      static_cast<double>(std::accumulate(loss.batch_sizes.begin(), loss.batch_sizes.end(), int64_t{0}));
  for (size_t i = 0; i < loss.batch_sizes.size(); ++i)
    work(loss.batch_loss(static_cast<int64_t>(i)), static_cast<double>(loss.batch_sizes[i]) / total);
}

Tensors differentiate(const Tensors& outputs, const Tensors& parameters, const Tensors& vector,
                      bool differentiable) {
  return torch::autograd::grad(outputs, parameters, vector, /*retain_graph=*/differentiable,
                               /*create_graph=*/differentiable, /*allow_unused=*/true);
}

}  // namespace

torch::Tensor flatten(const Tensors& tensors) {
  torch::Tensor flat = zeros(tensors);
  add(flat, tensors, tensors, 1);
  return flat;
}

Tensors unflatten(const torch::Tensor& flat, const Tensors& like) {
  if (flat.dim() != 1 || flat.size(0) != dimension(like))
    throw Error("a vector over {} parameters must be flat and as long, got {} dimensions and {} elements",
                dimension(like), flat.dim(), flat.numel());
  Tensors tensors;
  int64_t begin = 0;
  for (const torch::Tensor& tensor : like) {
    tensors.push_back(flat.narrow(0, begin, tensor.numel()).view(tensor.sizes()).to(tensor.options()));
    begin += tensor.numel();
  }
  return tensors;
}

double value(const MeanLoss& loss) {
  const torch::NoGradGuard no_grad;
  double sum = 0;
  for_each_batch(loss, [&](const torch::Tensor& l, double share) { sum += share * l.item<double>(); });
  return sum;
}

ValueAndGradient value_and_gradient(const MeanLoss& loss, const Tensors& parameters) {
  const torch::AutoGradMode grad(true);
  ValueAndGradient result{0, zeros(parameters)};
  for_each_batch(loss, [&](const torch::Tensor& l, double share) {
    result.value += share * l.item<double>();
    if (l.requires_grad()) add(result.gradient, differentiate({l}, parameters, {}, false), parameters, share);
  });
  return result;
}

torch::Tensor hessian_vector_product(const MeanLoss& loss, const Tensors& parameters,
                                     const torch::Tensor& vector) {
  const torch::AutoGradMode grad(true);
  const Tensors directions = unflatten(vector, parameters);
  torch::Tensor product = zeros(parameters);
  for_each_batch(loss, [&](const torch::Tensor& l, double share) {
    if (!l.requires_grad()) return;
    const Tensors gradients = differentiate({l}, parameters, {}, true);
    Tensors outputs, weights;
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].defined() || !gradients[i].requires_grad()) continue;  // linear in this parameter
      outputs.push_back(gradients[i]);
      weights.push_back(directions[i]);
    }
    if (!outputs.empty()) add(product, differentiate(outputs, parameters, weights, false), parameters, share);
  });
  return product;
}

}  // namespace lathe::nn
