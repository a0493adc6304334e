#include "studies/adascale_runs.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/classifier.h"
#include "lathe/train/trainer.h"

namespace lathe::studies::adascale {
namespace {

optim::OptimizerOptions optimizer(const Recipe& recipe) {
  optim::OptimizerOptions options = {.lr = recipe.lr, .momentum = 0.9, .nesterov = false, .weight_decay = 0};
  const auto scale = static_cast<double>(recipe.scale);
  using optim::ScalingRule;
  if (recipe.method == kAdaScale) options.adascale = optim::AdaScaleOptions{.scale = scale};
  for (const auto& [name, rule] :
       {std::pair{kLinear, ScalingRule::linear}, std::pair{kSqrt, ScalingRule::sqrt},
        std::pair{kLinearWarmup, ScalingRule::linear_warmup}, std::pair{kIdentity, ScalingRule::none}})
    if (recipe.method == name) options.scaling = optim::BatchScalingOptions{.scale = scale, .rule = rule};
  return options;
}

}  // namespace

Outcome train_and_measure(const Recipe& recipe, const data::Dataset& train, const data::Dataset& measured_on,
                          core::Seed seed, const core::StopToken& stop) {
  auto model = nn::build(core::Config::parse(recipe.table), train.schema, seed.stream("model"));
  model->fit_inputs(train.inputs);
  train::Trainer trainer(model, optim::make_step(model->parameters(), optimizer(recipe)),
                         {.steps = recipe.steps,
                          .batch_size = kBatch * recipe.scale,
                          .micro_batch = kBatch,
                          .schedule_scale = static_cast<double>(recipe.scale),
                          .schedule = {.kind = "step", .warmup = 0, .milestones = {0.5, 0.75}, .decay = 0.1}},
                         seed.stream("train"));
  Outcome outcome;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t, const optim::StepReport& report) {
    stop.check("training with scaled batches");
    if (recipe.method != kAdaScale) return;
    outcome.gain.push_back(report.progress);
    outcome.tau.push_back((outcome.tau.empty() ? 0 : outcome.tau.back()) + report.progress);
  };
  const train::FitReport report = trainer.fit(train, {}, {}, {}, hooks);
  outcome.steps = static_cast<double>(report.steps);
  outcome.accuracy = 100 * nn::predict(*model, measured_on.inputs)
                               .argmax(1)
                               .eq(measured_on.targets)
                               .to(torch::kFloat64)
                               .mean()
                               .item<double>();
  const torch::Tensor logits = nn::predict(*model, train.inputs.slice(0, 0, 10000));
  outcome.loss = torch::cross_entropy_loss(logits, train.targets.slice(0, 0, 10000)).item<double>();
  return outcome;
}

}  // namespace lathe::studies::adascale
