#pragma once
#include "lathe/core/config.h"
#include "lathe/optim/composed_step.h"

namespace lathe::optim {

// The learning rate of S times the batch by a fixed rule; each step counts for S steps of the schedule.
//   none 1;  sqrt √S (Krizhevsky 2014);  linear S (Goyal et al. 2017, §2.1);
//   linear_warmup 1 + (S − 1) min(1, share / warmup) (Goyal et al. 2017, §2.2)
enum class ScalingRule { none, sqrt, linear, linear_warmup };

struct BatchScalingOptions {
  double scale = 1;  // S = batch of a step / batch of the schedule, 1 or more
  ScalingRule rule = ScalingRule::linear;
  double warmup = 0.055;  // share of training; Goyal et al. 2017: 5 of 90 epochs
};
BatchScalingOptions batch_scaling_options(const core::Config& scaling);  // reads an [optim.scaling] table

class BatchScaling : public LearningRateFactor {
 public:
  explicit BatchScaling(BatchScalingOptions options);  // throws InputError
  double factor(size_t group, double share) const override;
  double progress() const override { return options_.scale; }

 private:
  BatchScalingOptions options_;
};

}  // namespace lathe::optim
