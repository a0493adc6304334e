#pragma once
#include <functional>

#include "lathe/optim/composed_step.h"

namespace lathe::train::continual {

// A gradient transform that calls a function: the slot of a method that is more than its transform.
class TransformFunction : public optim::GradientTransform {
 public:
  using Function = std::function<void(const std::vector<torch::Tensor>&, optim::StepReport&)>;
  explicit TransformFunction(Function function) : function_(std::move(function)) {}
  void apply(const std::vector<torch::Tensor>& parameters, optim::StepReport& report) override {
    function_(parameters, report);
  }

 private:
  Function function_;
};

}  // namespace lathe::train::continual
