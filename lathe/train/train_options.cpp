#include <cmath>

#include "lathe/train/stochastic_weight_average.h"
#include "lathe/train/trainer.h"

namespace lathe::train {

namespace {

// AdaScale measures the variance between micro-batches.
int64_t split_for_adascale(int64_t batch_size, const optim::AdaScaleOptions& adascale) {
  if (adascale.estimator == optim::MomentEstimator::difference || adascale.scale <= 1) return 0;
  const auto parts = static_cast<int64_t>(std::max(2.0, std::ceil(adascale.scale)));
  for (int64_t n = std::min(parts, batch_size); n >= 2; --n)
    if (batch_size % n == 0) return batch_size / n;
  for (int64_t n = parts; n <= batch_size; ++n)
    if (batch_size % n == 0) return batch_size / n;
  return 0;
}

}  // namespace

TrainOptions train_options(const core::Config& train, const optim::OptimizerOptions& optim) {
  using core::Range;
  TrainOptions o;
  o.epochs = train.number("epochs", o.epochs, Range::positive());
  o.steps = train.integer("steps", o.steps, Range::at_least(0));
  o.batch_size = train.integer("batch_size", o.batch_size, Range::at_least(1));
  if (train.choice("last_batch", "drop", {"drop", "refuse"}) == "refuse") o.last_batch = LastBatch::refuse;
  o.micro_batch = train.integer("micro_batch", o.micro_batch, Range::at_least(0));
  if (o.micro_batch > 0 && o.batch_size % o.micro_batch != 0)
    train.fail("micro_batch",
               fmt::format("must divide batch_size = {}, got {}", o.batch_size, o.micro_batch));
  if (optim.scaling) o.schedule_scale = optim.scaling->scale;
  if (const auto& adascale = optim.adascale) {
    if (o.micro_batch == 0) o.micro_batch = split_for_adascale(o.batch_size, *adascale);
    const double replicas = o.micro_batch > 0 ? static_cast<double>(o.batch_size / o.micro_batch) : 1;
    o.schedule_scale = adascale->scale > 0 ? adascale->scale : replicas;
    if (replicas == 1 && o.schedule_scale > 1 && adascale->estimator == optim::MomentEstimator::replicas)
      train.fail("batch_size",
                 fmt::format("must be at least 2 for optim.adascale.scale = {} to split it, got {}; or set "
                             "optim.adascale.estimator = \"difference\", or optim.adascale.scale = 1",
                             o.schedule_scale, o.batch_size));
  }
  const Range share = {.min = 0, .max = 1, .open_max = true};
  o.label_smoothing = train.number("label_smoothing", o.label_smoothing, share);
  o.average_decay = train.number("average_decay", o.average_decay, share);
  o.patience = train.integer("patience", o.patience, Range::at_least(0));
  o.checkpoint_seconds = train.number("checkpoint_seconds", o.checkpoint_seconds, Range::positive());
  o.schedule = train.has("swa") ? swa_schedule(swa_options(train.section("swa"), optim.lr))
                                : schedule_options(train.section("schedule"));
  const core::Config augment = train.section("augment");
  o.augment.flip = augment.flag("flip", o.augment.flip);
  o.augment.crop = augment.integer("crop", o.augment.crop, Range::at_least(0));
  o.augment.rotation = augment.number("rotation", o.augment.rotation, {.min = 0, .max = 180});
  o.augment.cutout = augment.integer("cutout", o.augment.cutout, Range::at_least(0));
  o.augment.fill = augment.integer("fill", o.augment.fill, {.min = 0, .max = 255});
  return o;
}

}  // namespace lathe::train
