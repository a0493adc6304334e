#pragma once
#include <torch/types.h>

#include <functional>
#include <vector>

namespace lathe::nn {

// A mean loss over batches that fit into memory, at the parameters' present values:
//   L = Σ n_i L_i / Σ n_i
struct MeanLoss {
  std::function<torch::Tensor(int64_t batch)>
      batch_loss;                    // L_i, a scalar: the mean over the batch's examples
  std::vector<int64_t> batch_sizes;  // n_i
};

// Vectors over all parameters together are flat, float64 [dimension], in the parameters' order and on their
// device. A parameter that the loss does not depend on has zeros.
torch::Tensor flatten(const std::vector<torch::Tensor>& tensors);
std::vector<torch::Tensor> unflatten(const torch::Tensor& flat, const std::vector<torch::Tensor>& like);

double value(const MeanLoss& loss);  // without gradients

struct ValueAndGradient {
  double value = 0;
  torch::Tensor gradient;
};
ValueAndGradient value_and_gradient(const MeanLoss& loss, const std::vector<torch::Tensor>& parameters);

// H v, H = ∂²L/∂w², by differentiating the gradient once more (Pearlmutter 1994); about two gradients' time.
// `vector` is flat [dimension]. Exact; the parameters' own .grad stays as it is. Functions of the second
// derivative zero almost everywhere (ReLU, max pooling) count with what autograd gives them: zero.
torch::Tensor hessian_vector_product(const MeanLoss& loss, const std::vector<torch::Tensor>& parameters,
                                     const torch::Tensor& vector);

}  // namespace lathe::nn
