#include "lathe/optim/batch_scaling.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "lathe/core/error.h"

namespace lathe::optim {

BatchScalingOptions batch_scaling_options(const core::Config& scaling) {
  static const std::map<std::string, ScalingRule> kRules = {{"none", ScalingRule::none},
                                                            {"sqrt", ScalingRule::sqrt},
                                                            {"linear", ScalingRule::linear},
                                                            {"linear+warmup", ScalingRule::linear_warmup}};
  BatchScalingOptions o;
  o.scale = scaling.number("scale", std::nullopt, core::Range::at_least(1));
  o.rule = kRules.at(scaling.choice("rule", "linear+warmup", {"none", "sqrt", "linear", "linear+warmup"}));
  if (o.rule == ScalingRule::linear_warmup)
    o.warmup = scaling.number("warmup", o.warmup, {.min = 0, .max = 1, .open_min = true});
  return o;
}

BatchScaling::BatchScaling(BatchScalingOptions options) : options_(options) {
  if (!(options_.scale >= 1))
    throw InputError("optim.scaling.scale must be at least 1, got {}", options_.scale);
  if (!(options_.warmup > 0 && options_.warmup <= 1))
    throw InputError("optim.scaling.warmup must be in (0, 1], got {}", options_.warmup);
}

double BatchScaling::factor(size_t, double share) const {
  switch (options_.rule) {
    case ScalingRule::none:
      return 1;
    case ScalingRule::sqrt:
      return std::sqrt(options_.scale);
    case ScalingRule::linear:
      return options_.scale;
    case ScalingRule::linear_warmup:
      return 1 + (options_.scale - 1) * std::min(1.0, share / options_.warmup);
  }
  return 1;
}

}  // namespace lathe::optim
