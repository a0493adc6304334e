#pragma once
#include "lathe/train/method.h"
#include "lathe/train/subspace.h"

namespace lathe::train {

// A subspace in the Trainer: every step is taken at a point drawn for it, and what is measured and kept is
// the midpoint with batch norm's statistics of the training examples. The point of a step depends on the seed
// and the step alone, so it is the same on all processes, in SAM's second pass and after resuming. With
// options().samples = k, so it is for each of k equal parts of the micro-batches. Reports "cosine_squared".
//
//   auto subspace = std::make_shared<Subspace>(make, SubspaceOptions{});
//   Trainer trainer(model, make_step(subspace->parameters(), optim), …);   // model: subspace->module()
//   trainer.add_method(std::make_shared<SubspaceTraining>(subspace, model, seed));
class SubspaceTraining : public Method {
 public:
  SubspaceTraining(std::shared_ptr<Subspace> subspace, std::shared_ptr<nn::Model> model, core::Seed seed);
  void begin(nn::Model& model, const data::Dataset& train, int64_t steps_per_epoch) override;
  // Throws InputError where the micro-batches cannot be cut into `samples` parts.
  optim::Evaluation evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) override;
  void after_step(optim::StepReport& report) override;
  void settle() override;
  void save(torch::serialize::OutputArchive& archive) const override { subspace_->save(archive); }
  void load(torch::serialize::InputArchive& archive) override { subspace_->load(archive); }

 private:
  std::shared_ptr<Subspace> subspace_;
  std::shared_ptr<nn::Model> model_;
  core::Seed seed_;
  torch::Tensor training_inputs_;
  double cosine_squared_ = 0;
};

}  // namespace lathe::train
