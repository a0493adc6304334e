#include <torch/torch.h>

#include "lathe/train/trainer.h"

namespace lathe::train {

TrainOptions train_options(const core::Config& train) {
  using core::Range;
  TrainOptions o;
  o.epochs = train.number("epochs", o.epochs, Range::positive());
  o.steps = train.integer("steps", o.steps, Range::at_least(0));
  o.batch_size = train.integer("batch_size", o.batch_size, Range::at_least(1));
  o.micro_batch = train.integer("micro_batch", o.micro_batch, Range::at_least(0));
  if (o.micro_batch > 0 && o.batch_size % o.micro_batch != 0)
    train.fail("micro_batch",
               fmt::format("must divide batch_size = {}, got {}", o.batch_size, o.micro_batch));
  const Range share = {.min = 0, .max = 1, .open_max = true};
  o.label_smoothing = train.number("label_smoothing", o.label_smoothing, share);
  o.average_decay = train.number("average_decay", o.average_decay, share);
  o.patience = train.integer("patience", o.patience, Range::at_least(0));
  o.checkpoint_seconds = train.number("checkpoint_seconds", o.checkpoint_seconds, Range::positive());
  o.schedule = schedule_options(train.section("schedule"));
  const core::Config augment = train.section("augment");
  o.augment.flip = augment.flag("flip", o.augment.flip);
  o.augment.crop = augment.integer("crop", o.augment.crop, Range::at_least(0));
  o.augment.rotation = augment.number("rotation", o.augment.rotation, {.min = 0, .max = 180});
  o.augment.cutout = augment.integer("cutout", o.augment.cutout, Range::at_least(0));
  o.augment.fill = augment.integer("fill", o.augment.fill, {.min = 0, .max = 255});
  return o;
}

Objective cross_entropy(double label_smoothing) {
  return [label_smoothing](nn::Model& model, const data::Batch& batch) {
    return torch::cross_entropy_loss(model.forward(batch.inputs), batch.targets, {}, at::Reduction::Mean,
                                     -100, label_smoothing);
  };
}

}  // namespace lathe::train
