#include "lathe/optim/optimizer.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/optim/clip_norm.h"

namespace lathe::optim {

using core::Range;

OptimizerOptions optimizer_options(const core::Config& optim) {
  OptimizerOptions options;
  options.kind = optim.choice("kind", options.kind, {"sgd", "adam", "adamw"});
  const bool sgd = options.kind == "sgd";
  options.lr = optim.number("lr", sgd ? options.lr : 1e-3, Range::positive());
  if (sgd) {
    options.momentum = optim.number("momentum", options.momentum, {.min = 0, .max = 1, .open_max = true});
    options.nesterov = optim.flag("nesterov", options.momentum > 0);
    if (options.nesterov && options.momentum == 0) optim.fail("nesterov", "needs momentum above 0");
  }
  options.weight_decay = optim.number("weight_decay", sgd ? options.weight_decay : 0, Range::at_least(0));
  options.clip_norm = optim.number("clip_norm", options.clip_norm, Range::at_least(0));
  if (optim.has("sam")) options.sam = sam_options(optim.section("sam"), options.weight_decay);
  if (optim.has("adascale")) options.adascale = adascale_options(optim.section("adascale"), sgd);
  if (optim.has("scaling")) options.scaling = batch_scaling_options(optim.section("scaling"));
  return options;
}

std::unique_ptr<torch::optim::Optimizer> make_optimizer(std::vector<torch::Tensor> parameters,
                                                        const OptimizerOptions& o) {
  if (o.kind == "adam")
    return std::make_unique<torch::optim::Adam>(std::move(parameters),
                                                torch::optim::AdamOptions(o.lr).weight_decay(o.weight_decay));
  if (o.kind == "adamw")
    return std::make_unique<torch::optim::AdamW>(
        std::move(parameters), torch::optim::AdamWOptions(o.lr).weight_decay(o.weight_decay));
  return std::make_unique<torch::optim::SGD>(
      std::move(parameters),
      torch::optim::SGDOptions(o.lr).momentum(o.momentum).nesterov(o.nesterov).weight_decay(o.weight_decay));
}

static void require_free_slots(const OptimizerOptions& options, const StepSlots& slots) {
  if (options.adascale && options.scaling)
    throw InputError(
        "optim.adascale and optim.scaling both set the step of a larger batch; keep one of them");
  if (options.sam && slots.rule)
    throw InputError("optim.sam and the training method both choose where gradients are taken; keep one");
  if ((options.adascale || options.scaling) && slots.factor)
    throw InputError("optim.{} and the training method both set the learning rate's factor; keep one",
                     options.adascale ? "adascale" : "scaling");
  if (options.adascale && slots.combine)
    throw InputError(
        "optim.adascale measures the mean of the micro-batches' gradients, but the training method combines "
        "them in another way; leave one of them out");
}

std::unique_ptr<StepRule> make_step(std::vector<torch::Tensor> parameters, const OptimizerOptions& options,
                                    StepSlots slots) {
  require_free_slots(options, slots);
  auto base = make_optimizer(std::move(parameters), options);
  if (options.sam) slots.rule = std::make_shared<Sam>(parameter_groups(*base), *options.sam);
  if (options.clip_norm > 0) slots.transforms.push_back(std::make_shared<ClipNorm>(options.clip_norm));
  if (options.adascale) {
    const auto adascale = std::make_shared<AdaScale>(
        parameter_groups(*base), *options.adascale,
        options.adascale->power == 1 ? Preconditioner() : adam_preconditioner(*base));
    slots.observers.push_back(adascale);
    slots.factor = adascale;
  }
  if (options.scaling) slots.factor = std::make_shared<BatchScaling>(*options.scaling);
  return std::make_unique<ComposedStep>(std::move(base), std::move(slots));
}

}  // namespace lathe::optim
