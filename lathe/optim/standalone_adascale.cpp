#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/optim/adascale.h"
#include "lathe/optim/scaled_rates.h"

namespace lathe::optim {
namespace {

// What AdaScale asks about the step: who takes part in it.
class Participants : public GradientSource {
 public:
  Participants(Communicator* communicator, int64_t micro_batches)
      : communicator_(communicator), micro_batches_(micro_batches) {}
  int rank() const override { return communicator_ ? communicator_->rank() : 0; }
  int processes() const override { return communicator_ ? communicator_->size() : 1; }
  int64_t local_replicas() const override { return micro_batches_; }
  int64_t replicas() const override { return micro_batches_ * processes(); }
  Evaluation evaluate(int64_t, Pass) override { throw Error("the caller's loop evaluates"); }
  void all_reduce_sum(at::TensorList tensors) override {
    if (communicator_) communicator_->all_reduce_sum(tensors);
  }

 private:
  Communicator* communicator_;
  int64_t micro_batches_;
};

}  // namespace

StandaloneAdaScale::StandaloneAdaScale(torch::optim::Optimizer& base, AdaScaleOptions options,
                                       Accumulation accumulation, Communicator* communicator)
    : base_(base),
      accumulation_(accumulation),
      communicator_(communicator),
      adascale_(parameter_groups(base), options,
                options.power == 1 ? Preconditioner() : adam_preconditioner(base)) {
  for (const auto& group : base.param_groups())
    parameters_.insert(parameters_.end(), group.params().begin(), group.params().end());
}

void StandaloneAdaScale::end_micro_batch() {
  const torch::NoGradGuard no_grad;
  before_.resize(parameters_.size());
  std::vector<torch::Tensor> increments;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const torch::Tensor& gradient = parameters_[i].grad();
    const bool first = micro_batches_ == 0 || !before_[i].defined();
    increments.push_back(!gradient.defined() || first ? gradient : gradient - before_[i]);
    before_[i] = gradient.defined() ? gradient.clone() : torch::Tensor();
  }
  if (std::none_of(increments.begin(), increments.end(), [](const torch::Tensor& t) { return t.defined(); }))
    throw InputError("AdaScale needs gradients; call backward() before end_micro_batch()");
  adascale_.add_replica(increments);
  ++micro_batches_;
}

double StandaloneAdaScale::step() {
  if (micro_batches_ == 0)
    throw InputError("AdaScale: call end_micro_batch() after each backward(), then step()");
  const torch::NoGradGuard no_grad;
  Participants participants(communicator_, std::exchange(micro_batches_, 0));
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : parameters_)
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  std::vector<torch::Tensor> packet = gradients;
  packet.push_back(adascale_.sums(participants));
  participants.all_reduce_sum(packet);
  const auto replicas = static_cast<double>(participants.replicas());
  for (torch::Tensor& gradient : gradients) gradient.div_(replicas);
  StepReport report;
  if (!std::isfinite(squared_norm(gradients).item<double>())) {
    adascale_.discard_step();
    return 0;
  }
  adascale_.mean(participants, packet.back(), report);
  // Each loss was divided by their number, and so was each gradient that AdaScale saw: only now the mean.
  if (accumulation_ == Accumulation::mean)
    for (torch::Tensor& gradient : gradients) gradient.mul_(participants.local_replicas());
  {
    const ScaledRates scaled(base_, adascale_, 0);
    base_.step();
  }
  progress_ += adascale_.progress();
  return adascale_.gain();
}

void StandaloneAdaScale::save(torch::serialize::OutputArchive& archive) const {
  if (micro_batches_ > 0)
    throw Error(
        "AdaScale cannot be saved in the middle of a step ({} micro-batches since the last); save after "
        "step()",
        micro_batches_);
  adascale_.save(archive);
  archive.write("progress", c10::IValue(progress_));
}

void StandaloneAdaScale::load(torch::serialize::InputArchive& archive) {
  adascale_.load(archive);
  c10::IValue progress;
  archive.read("progress", progress);
  progress_ = progress.toDouble();
}

}  // namespace lathe::optim
