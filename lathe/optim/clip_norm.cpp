#include "lathe/optim/clip_norm.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::optim {

ClipNorm::ClipNorm(double max_norm) : max_norm_(max_norm) {
  if (!(max_norm > 0)) throw InputError("optim.clip_norm must be above 0, got {}", max_norm);
}

void ClipNorm::apply(const std::vector<torch::Tensor>& parameters, StepReport& report) {
  const std::vector<torch::Tensor> gradients = gradients_of(parameters);
  const double norm = std::sqrt(squared_norm(gradients).item<double>());
  if (norm > max_norm_) torch::_foreach_mul_(gradients, max_norm_ / norm);
  report.metrics["gradient_norm"] = norm;
}

}  // namespace lathe::optim
