#pragma once
#include "lathe/optim/composed_step.h"

namespace lathe::optim {

// An optimizer's learning rates times their factors, while it lives.
class ScaledRates {
 public:
  ScaledRates(torch::optim::Optimizer& optimizer, const LearningRateFactor& factor, double share)
      : groups_(optimizer.param_groups()) {
    for (size_t g = 0; g < groups_.size(); ++g) {
      rates_.push_back(groups_[g].options().get_lr());
      groups_[g].options().set_lr(rates_[g] * factor.factor(g, share));
    }
  }
  ~ScaledRates() {
    for (size_t g = 0; g < groups_.size(); ++g) groups_[g].options().set_lr(rates_[g]);
  }
  ScaledRates(const ScaledRates&) = delete;
  ScaledRates& operator=(const ScaledRates&) = delete;

 private:
  std::vector<torch::optim::OptimizerParamGroup>& groups_;
  std::vector<double> rates_;
};

}  // namespace lathe::optim
