#include "lathe/optim/composed_step.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/optim/scaled_rates.h"

namespace lathe::optim {

void MeanGradient::replica(const GradientSource& source, int64_t i, const Evaluation&) {
  if (source.local_replicas() == 1) return;
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> gradients = gradients_of(parameters_);
  if (i == 0) {
    sums_.clear();
    for (const torch::Tensor& gradient : gradients) sums_.push_back(gradient.clone());
    return;
  }
  if (gradients.size() != sums_.size())
    throw Error("micro-batches of one step gave gradients to different parameters");
  torch::_foreach_add_(sums_, gradients);
}

std::vector<torch::Tensor> MeanGradient::packet(const GradientSource& source) {
  packet_ = gradients_of(parameters_);
  const torch::NoGradGuard no_grad;
  if (source.local_replicas() > 1)
    for (size_t i = 0; i < packet_.size(); ++i) packet_[i].copy_(sums_[i]);
  return packet_;
}

void MeanGradient::combine(const GradientSource& source, StepReport&) {
  const torch::NoGradGuard no_grad;
  if (source.replicas() > 1) torch::_foreach_div_(packet_, static_cast<double>(source.replicas()));
  packet_.clear();
}

ComposedStep::ComposedStep(std::unique_ptr<torch::optim::Optimizer> base, StepSlots slots)
    : base_(std::move(base)), slots_(std::move(slots)) {
  for (const auto& group : parameter_groups(*base_))
    parameters_.insert(parameters_.end(), group.begin(), group.end());
  if (!slots_.rule) slots_.rule = std::make_shared<GradientRule>();
  if (!slots_.update) slots_.update = std::make_shared<UpdateRule>();
  if (!slots_.combine) slots_.combine = std::make_shared<MeanGradient>(parameters_);
}

// Brings together what all replicas of all processes found, or reports the step as skipped.
ComposedStep::Gathered ComposedStep::gather(GradientSource& source) {
  Gathered gathered;
  StepReport& report = gathered.report;
  double loss = 0;
  int64_t samples = 0;
  for (int64_t i = 0; i < source.local_replicas(); ++i) {
    const Evaluation evaluation = slots_.rule->compute(source, i);
    for (const auto& observer : slots_.observers) observer->replica(source, i, evaluation);
    slots_.combine->replica(source, i, evaluation);
    report.evaluations += evaluation.evaluations;
    report.collectives += evaluation.collectives;
    loss += evaluation.loss * static_cast<double>(evaluation.samples);
    samples += evaluation.samples;
    if (!std::isfinite(evaluation.loss)) report.faulty_task = evaluation.task;
  }
  const std::vector<torch::Tensor> gradients = slots_.combine->packet(source);
  if (gradients.empty()) throw InputError("no parameter has a gradient; the loss must depend on the model");

  const torch::NoGradGuard no_grad;
  const torch::Tensor totals = torch::tensor({loss, static_cast<double>(samples)}, torch::kFloat64);
  for (const auto& observer : slots_.observers) gathered.observed.push_back(observer->sums(source));
  if (source.processes() > 1) {
    std::vector<torch::Tensor> packet = gradients;
    packet.push_back(totals);
    packet.insert(packet.end(), gathered.observed.begin(), gathered.observed.end());
    source.all_reduce_sum(packet);
    ++report.collectives;
  }
  report.loss = totals[0].item<double>() / totals[1].item<double>();
  // A non-finite value anywhere makes the reduced sums non-finite everywhere, so every process decides alike.
  report.skipped = !std::isfinite(report.loss) || !std::isfinite(squared_norm(gradients).item<double>());
  return gathered;
}

StepReport ComposedStep::step(GradientSource& source) {
  auto [report, observed] = gather(source);
  if (report.skipped) {
    report.progress = 0;
    return report;
  }
  slots_.combine->combine(source, report);
  for (size_t i = 0; i < observed.size(); ++i) slots_.observers[i]->mean(source, observed[i], report);
  for (const auto& transform : slots_.transforms) transform->apply(parameters_, report);
  if (!slots_.factor) {
    slots_.update->step(*base_);
    return report;
  }
  report.lr_factor = slots_.factor->factor(0, source.progress());
  report.progress = slots_.factor->progress();
  const ScaledRates scaled(*base_, *slots_.factor, source.progress());
  slots_.update->step(*base_);
  return report;
}

std::map<std::string, Slot*> ComposedStep::filled_slots() const {
  std::map<std::string, Slot*> slots = {
      {"rule", slots_.rule.get()}, {"combine", slots_.combine.get()}, {"update", slots_.update.get()}};
  for (size_t i = 0; i < slots_.observers.size(); ++i)
    slots["observer" + std::to_string(i)] = slots_.observers[i].get();
  for (size_t i = 0; i < slots_.transforms.size(); ++i)
    slots["transform" + std::to_string(i)] = slots_.transforms[i].get();
  return slots;
}

void ComposedStep::save(torch::serialize::OutputArchive& archive) const {
  torch::serialize::OutputArchive base;
  base_->save(base);
  archive.write("base", base);
  for (const auto& [name, slot] : filled_slots()) {
    torch::serialize::OutputArchive part;
    slot->save(part);
    archive.write(name, part);
  }
}

void ComposedStep::load(torch::serialize::InputArchive& archive) {
  torch::serialize::InputArchive base;
  archive.read("base", base);
  base_->load(base);
  for (const auto& [name, slot] : filled_slots()) {
    torch::serialize::InputArchive part;
    archive.read(name, part);
    slot->load(part);
  }
}

}  // namespace lathe::optim
