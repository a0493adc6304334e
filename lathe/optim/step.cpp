#include "lathe/optim/step.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/optim/gradients.h"

namespace lathe::optim {
namespace {

// One scalar on the device: NaN or infinite as soon as one gradient is.
torch::Tensor sum_of_squares(const std::vector<torch::Tensor>& gradients) {
  return torch::stack(torch::_foreach_norm(gradients)).square().sum();
}

}  // namespace

void require_dense(const torch::Tensor& parameter) {
  if (parameter.grad().is_sparse())
    throw InputError(
        "a parameter of shape {} has a sparse gradient; make its embedding dense (sparse = false)",
        fmt::join(parameter.sizes(), "×"));
}

std::vector<torch::Tensor> gradients_of(const std::vector<torch::Tensor>& parameters) {
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : parameters) {
    if (!parameter.grad().defined()) continue;
    require_dense(parameter);
    gradients.push_back(parameter.grad());
  }
  return gradients;
}

ClipNorm::ClipNorm(double max_norm) : max_norm_(max_norm) {
  if (!(max_norm > 0)) throw InputError("optim.clip_norm must be above 0, got {}", max_norm);
}

void ClipNorm::apply(const std::vector<torch::Tensor>& parameters, StepReport& report) {
  const std::vector<torch::Tensor> gradients = gradients_of(parameters);
  const double norm = std::sqrt(sum_of_squares(gradients).item<double>());
  if (norm > max_norm_) torch::_foreach_mul_(gradients, max_norm_ / norm);
  report.metrics["gradient_norm"] = norm;
}

ComposedStep::ComposedStep(std::unique_ptr<torch::optim::Optimizer> base, std::unique_ptr<GradientRule> rule,
                           std::vector<std::unique_ptr<GradientTransform>> transforms)
    : base_(std::move(base)), rule_(std::move(rule)), transforms_(std::move(transforms)) {
  for (const auto& group : base_->param_groups())
    parameters_.insert(parameters_.end(), group.params().begin(), group.params().end());
}

// Leaves the mean gradient over all replicas of all processes in .grad, or reports the step as skipped.
StepReport ComposedStep::gather(GradientSource& source) {
  StepReport report;
  const int64_t local = source.local_replicas();
  std::vector<torch::Tensor> sums;  // of the replicas before this one; empty while there is only one
  double loss = 0;
  int64_t samples = 0;
  for (int64_t i = 0; i < local; ++i) {
    const Evaluation evaluation = rule_->compute(source, i);
    report.evaluations += evaluation.evaluations;
    report.collectives += evaluation.collectives;
    loss += evaluation.loss * static_cast<double>(evaluation.samples);
    samples += evaluation.samples;
    if (local == 1) break;
    const std::vector<torch::Tensor> gradients = gradients_of(parameters_);
    if (i == 0) {
      for (const torch::Tensor& gradient : gradients) sums.push_back(gradient.clone());
    } else {
      if (gradients.size() != sums.size())
        throw Error("micro-batches of one step gave gradients to different parameters");
      torch::_foreach_add_(sums, gradients);
    }
  }
  std::vector<torch::Tensor> gradients = gradients_of(parameters_);
  if (gradients.empty()) throw InputError("no parameter has a gradient; the loss must depend on the model");

  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < sums.size(); ++i) gradients[i].copy_(sums[i]);
  const torch::Tensor totals = torch::tensor({loss, static_cast<double>(samples)}, torch::kFloat64);
  if (source.replicas() > local) {
    std::vector<torch::Tensor> packet = gradients;
    packet.push_back(totals);
    source.all_reduce_sum(packet);
    ++report.collectives;
  }
  if (source.replicas() > 1) torch::_foreach_div_(gradients, static_cast<double>(source.replicas()));
  report.loss = totals[0].item<double>() / totals[1].item<double>();
  // A non-finite value anywhere makes the reduced sums non-finite everywhere, so every process decides alike.
  report.skipped = !std::isfinite(report.loss) || !std::isfinite(sum_of_squares(gradients).item<double>());
  return report;
}

StepReport ComposedStep::step(GradientSource& source) {
  StepReport report = gather(source);
  if (report.skipped) {
    report.progress = 0;
    return report;
  }
  for (const auto& transform : transforms_) transform->apply(parameters_, report);
  base_->step();
  return report;
}

void ComposedStep::save(torch::serialize::OutputArchive& archive) const {
  base_->save(archive);
}
void ComposedStep::load(torch::serialize::InputArchive& archive) {
  base_->load(archive);
}

}  // namespace lathe::optim
