#include "lathe/train/stochastic_weight_average.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/nn/batch_norm.h"
#include "lathe/train/weight_average.h"

namespace lathe::train {
namespace {

void write(torch::serialize::OutputArchive& archive, const std::string& name,
           const std::vector<torch::Tensor>& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i) archive.write(name + std::to_string(i), tensors[i], true);
}

std::vector<torch::Tensor> read(torch::serialize::InputArchive& archive, const std::string& name,
                                const std::vector<torch::Tensor>& like) {
  std::vector<torch::Tensor> tensors(like.size());
  for (size_t i = 0; i < like.size(); ++i) {
    archive.read(name + std::to_string(i), tensors[i], true);
    if (tensors[i].sizes() != like[i].sizes())
      throw Error("{}{} has shape {} in the archive, not {}", name, i, c10::str(tensors[i].sizes()),
                  c10::str(like[i].sizes()));
    tensors[i] = tensors[i].to(like[i].options());
  }
  return tensors;
}

int64_t read_count(torch::serialize::InputArchive& archive, const std::string& name) {
  c10::IValue value;
  archive.read(name, value);
  return value.toInt();
}

std::vector<torch::Tensor> copies(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> all;
  for (const torch::Tensor& tensor : tensors) all.push_back(tensor.clone());
  return all;
}

void assign(const std::vector<torch::Tensor>& to, const std::vector<torch::Tensor>& from) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < from.size(); ++i) to[i].copy_(from[i]);
}

}  // namespace

StochasticWeightAverage::StochasticWeightAverage(const torch::nn::Module& module)
    : tensors_(trained_tensors(module)) {
  for (const torch::Tensor& parameter : module.parameters())
    average_.push_back(torch::zeros_like(parameter.detach()));
}

void StochasticWeightAverage::snapshot() {
  restore();
  const torch::NoGradGuard no_grad;
  const double share = 1.0 / static_cast<double>(++snapshots_);
  for (size_t i = 0; i < average_.size(); ++i) average_[i].lerp_(tensors_[i], share);
}

void StochasticWeightAverage::install() {
  if (snapshots_ == 0) throw InputError("there is no snapshot of the weights to average yet");
  if (installed()) return;
  trained_ = copies(tensors_);
  assign(tensors_, average_);
}

void StochasticWeightAverage::restore() {
  assign(tensors_, trained_);
  trained_.clear();
}

void StochasticWeightAverage::save(torch::serialize::OutputArchive& archive) const {
  archive.write("snapshots", c10::IValue(snapshots_));
  archive.write("installed", c10::IValue(int64_t{installed()}));
  write(archive, "average", average_);
  write(archive, "trained", trained_);
}

void StochasticWeightAverage::load(torch::serialize::InputArchive& archive) {
  snapshots_ = read_count(archive, "snapshots");
  average_ = read(archive, "average", average_);
  trained_.clear();
  if (read_count(archive, "installed") != 0) trained_ = read(archive, "trained", tensors_);
}

SwaOptions swa_options(const core::Config& swa, double lr) {
  SwaOptions o;
  const bool cyclic = swa.choice("mode", "constant", {"constant", "cyclic"}) == "cyclic";
  o.mode = cyclic ? SwaMode::cyclic : SwaMode::constant;
  o.lr_factor = swa.number("lr", o.lr_factor * lr, core::Range::positive()) / lr;
  o.start = swa.number("start", o.start, {.min = 0, .max = 1, .open_max = true});
  if (cyclic) o.cycles = swa.integer("cycles", o.cycles, core::Range::at_least(1));
  return o;
}

void check(const SwaOptions& o) {
  if (!(o.lr_factor > 0)) throw InputError("the learning rate of SWA must be positive, got {}", o.lr_factor);
  if (!(o.start >= 0 && o.start < 1)) throw InputError("start of SWA must be in [0, 1), got {}", o.start);
  if (o.cycles < 1) throw InputError("cycles of SWA must be at least 1, got {}", o.cycles);
}

ScheduleOptions swa_schedule(const SwaOptions& o) {
  check(o);
  return {.kind = o.mode == SwaMode::constant ? "swa-constant" : "swa-cyclic",
          .warmup = 0,
          .swa_factor = o.lr_factor,
          .swa_start = o.start,
          .swa_cycles = o.cycles};
}

SwaTraining::SwaTraining(const SwaOptions& options) : options_(options) {
  check(options_);
}

void SwaTraining::begin(nn::Model& model, const data::Dataset& train, int64_t steps_per_epoch) {
  model_ = &model;
  training_inputs_ = train.inputs;
  steps_per_epoch_ = steps_per_epoch;
  steps_ = 0;
  tau_ = 0;
  average_.emplace(model);
}

void SwaTraining::before_step(int64_t) {
  average_->restore();
}

optim::Evaluation SwaTraining::evaluate(optim::GradientSource& source, int64_t replica, optim::Pass pass) {
  progress_ = source.progress();
  return source.evaluate(replica, pass);
}

void SwaTraining::after_step(optim::StepReport& report) {
  ++steps_;
  const double before = std::exchange(tau_, tau_ + report.progress);
  // Only the share of the schedule's length is known, and after the first step not yet that.
  if (before > 0 && due(progress_, progress_ * tau_ / before)) average_->snapshot();
}

bool SwaTraining::due(double before, double after) const {
  constexpr double kRounding = 1e-9;
  if (after + kRounding < options_.start) return false;
  if (options_.mode == SwaMode::constant)
    return steps_ % steps_per_epoch_ == 0 || (before < 1 && after + kRounding >= 1);
  const auto whole = [this](double progress) {
    return std::max(0.0, std::floor(swa_cycles_done(options_.start, options_.cycles, progress)));
  };
  return whole(after) > whole(before);
}

void SwaTraining::settle() {
  if (average_->snapshots() == 0 || average_->installed()) return;
  average_->install();
  nn::recompute_batch_norm(*model_, training_inputs_);
}

void SwaTraining::save(torch::serialize::OutputArchive& archive) const {
  average_->save(archive);
  archive.write("steps", c10::IValue(steps_));
  archive.write("tau", c10::IValue(tau_));
}

void SwaTraining::load(torch::serialize::InputArchive& archive) {
  average_->load(archive);
  steps_ = read_count(archive, "steps");
  c10::IValue tau;
  archive.read("tau", tau);
  tau_ = tau.toDouble();
}

}  // namespace lathe::train
