#include "lathe/train/subspace_training.h"

#include "lathe/core/error.h"
#include "lathe/nn/batch_norm.h"

namespace lathe::train {

SubspaceTraining::SubspaceTraining(std::shared_ptr<Subspace> subspace, std::shared_ptr<nn::Model> model,
                                   core::Seed seed)
    : subspace_(std::move(subspace)), model_(std::move(model)), seed_(seed) {
  if (subspace_->module() != model_) throw InputError("the model is not the subspace's module");
}

void SubspaceTraining::begin(nn::Model& model, const data::Dataset& train, int64_t) {
  if (&model != model_.get()) throw InputError("the Trainer trains another model than the subspace's module");
  training_inputs_ = train.inputs;
}

optim::Evaluation SubspaceTraining::evaluate(optim::GradientSource& source, int64_t replica,
                                             optim::Pass pass) {
  const int64_t samples = subspace_->options().samples, replicas = source.replicas();
  if (replicas % samples != 0)
    throw InputError("{} micro-batches cannot be cut into train.subspace.samples = {} equal parts", replicas,
                     samples);
  const int64_t index = source.rank() * source.local_replicas() + replica;
  core::Random random = seed_.stream(static_cast<uint64_t>(source.step()))
                            .stream(static_cast<uint64_t>(index * samples / replicas))
                            .random();
  subspace_->draw(random);
  const optim::Evaluation evaluation = source.evaluate(replica, pass);
  cosine_squared_ = subspace_->pull_gradients();
  return evaluation;
}

void SubspaceTraining::after_step(optim::StepReport& report) {
  report.metrics["cosine_squared"] = cosine_squared_;
}

void SubspaceTraining::settle() {
  subspace_->set_midpoint();
  nn::recompute_batch_norm(*model_, training_inputs_);
}

}  // namespace lathe::train
