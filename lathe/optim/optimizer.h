#pragma once
#include <torch/optim/optimizer.h>

#include <memory>
#include <optional>

#include "lathe/core/config.h"
#include "lathe/optim/adascale.h"
#include "lathe/optim/batch_scaling.h"
#include "lathe/optim/sam.h"

namespace lathe::optim {

struct OptimizerOptions {
  std::string kind = "sgd";    // sgd, adam, adamw
  double lr = 0.1;             // sgd: Zagoruyko & Komodakis 2016, §3; adam, adamw: 1e-3 (Kingma & Ba 2015)
  double momentum = 0.9;       // sgd, likewise
  bool nesterov = true;        // sgd, likewise
  double weight_decay = 5e-4;  // sgd, likewise: L2 on all parameters; adam, adamw: 0 (adamw: decoupled)
  double clip_norm = 0;        // gradients rescaled to this norm; 0: never
  std::optional<SamOptions> sam = std::nullopt;               // where there is an [optim.sam] table,
  std::optional<AdaScaleOptions> adascale = std::nullopt;     // [optim.adascale],
  std::optional<BatchScalingOptions> scaling = std::nullopt;  // [optim.scaling]
};
OptimizerOptions optimizer_options(const core::Config& optim);  // reads an [optim] table

std::unique_ptr<torch::optim::Optimizer> make_optimizer(std::vector<torch::Tensor> parameters,
                                                        const OptimizerOptions& options);

// The composed step that an [optim] table asks for, with what a caller puts into its slots: transforms of the
// caller come before clipping. Throws InputError for what cannot be combined: a slot taken twice, and
// AdaScale with a combine rule (its moments are those of the mean).
std::unique_ptr<StepRule> make_step(std::vector<torch::Tensor> parameters, const OptimizerOptions& options,
                                    StepSlots slots = {});

}  // namespace lathe::optim
