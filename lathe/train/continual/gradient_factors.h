#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "lathe/train/continual/layers.h"

namespace lathe::train::continual {

// What the gradient of a linear layer's weight is made of: g = δᵀ x, x [m, d] the rows that the layer
// multiplied, δ [m, out] what backward() sent to its outputs; the gradient of its bias is the sum of δ's
// rows.
struct GradientFactors {
  torch::Tensor inputs, deltas;
};

// Finds them in autograd's graph. Only for weights that the loss depends on through one product of two
// matrices and in no other way.
class FactorWatch {
 public:
  // Between forward and backward; forgets what an earlier loss left.
  void begin(const torch::Tensor& loss, const std::vector<Layer>& layers);
  // After backward, once: none for a layer without.
  std::optional<GradientFactors> take(size_t layer);

 private:
  struct Product {
    torch::Tensor inputs;
    std::shared_ptr<torch::Tensor> deltas;  // filled by backward()
  };
  std::vector<Product> products_;  // of each layer
};

}  // namespace lathe::train::continual
