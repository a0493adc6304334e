#pragma once
#include "lathe/optim/composed_step.h"

namespace lathe::optim {

// Rescales all gradients together to ‖g‖₂ ≤ max_norm; reports "gradient_norm" (before). Pascanu et al. 2013.
class ClipNorm : public GradientTransform {
 public:
  explicit ClipNorm(double max_norm);  // throws InputError unless positive
  void apply(const std::vector<torch::Tensor>& parameters, StepReport& report) override;

 private:
  double max_norm_;
};

}  // namespace lathe::optim
