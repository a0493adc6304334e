#pragma once
#include "lathe/data/dataset.h"
#include "lathe/nn/model.h"
#include "lathe/optim/step.h"

namespace lathe::train {

// What a training method changes about a training, besides its objective and what fills the step rule's
// slots. This one: nothing. Its state travels in the Trainer's checkpoint.
class Method {
 public:
  virtual ~Method() = default;
  // When fit() begins, before load(); model and examples outlive the training.
  virtual void begin(nn::Model&, const data::Dataset& /*train*/, int64_t /*steps_per_epoch*/) {}
  virtual void before_step(int64_t /*step*/) {}
  // Stands before the Trainer's own evaluation, which is the source's: what it leaves in .grad is what the
  // step rule sees.
  virtual optim::Evaluation evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) {
    return source.evaluate(replica, pass);
  }
  virtual void after_step(optim::StepReport&) {}  // may add metrics, for the learning curves
  // Makes the model what is to be measured on held-out examples, and kept when training ends.
  virtual void settle() {}
  virtual void save(torch::serialize::OutputArchive&) const {}
  virtual void load(torch::serialize::InputArchive&) {}
};

}  // namespace lathe::train
