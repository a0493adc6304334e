#include "lathe/train/scale_plan.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"

namespace lathe::train {

ScalePlan plan_scales(std::shared_ptr<nn::Model> model, const optim::OptimizerOptions& optim,
                      const TrainOptions& options, const data::Dataset& train, core::Seed seed,
                      const core::StopToken& stop) {
  const auto batch = static_cast<int64_t>(static_cast<double>(options.batch_size) / options.schedule_scale);
  if (batch < 2)
    throw InputError("the schedule's batch of {} example cannot be halved to measure its noise", batch);
  TrainOptions probe = options;
  probe.batch_size = batch / 2 * 2;
  probe.micro_batch = batch / 2;
  probe.schedule_scale = 1;
  probe.patience = 0;

  ScalePlan plan;
  const double per_epoch = static_cast<double>(train.size() / probe.batch_size);
  plan.schedule_steps = options.steps > 0 ? options.steps : std::llround(options.epochs * per_epoch);
  plan.probe_steps = std::clamp<int64_t>(plan.schedule_steps / 20, 50, 500);
  // The schedule stays that of the whole training; the probe stops early.
  probe.steps = std::max(plan.schedule_steps, plan.probe_steps);

  optim::OptimizerOptions rule = optim;
  rule.scaling.reset();
  rule.adascale = optim::AdaScaleOptions{.scale = 1, .power = optim.kind == "sgd" ? 1 : 0.5};
  const core::StopToken done;
  Hooks hooks;
  hooks.after_step = [&](int64_t step, const optim::StepReport& report) {
    stop.check("measuring the gradient noise");
    if (report.metrics.count("variance"))
      plan.moments = {report.metrics.at("variance"), report.metrics.at("squared_mean")};
    if (step == plan.probe_steps) done.request();
  };
  Trainer trainer(model, optim::make_step(model->parameters(), rule), probe, seed);
  try {
    trainer.fit(train, {}, {}, done, hooks);
  } catch (const Interrupted&) {
    stop.check("measuring the gradient noise");
  }
  for (double scale = 1; scale <= 128; scale *= 2) {
    const double gain = optim::gain(plan.moments, scale);
    plan.rows.push_back({scale, gain, std::ceil(static_cast<double>(plan.schedule_steps) / gain)});
  }
  return plan;
}

}  // namespace lathe::train
