#include "lathe/train/continual/ewc.h"

#include <torch/torch.h>

#include "lathe/train/continual/transform_function.h"

namespace lathe::train::continual {

Ewc::Ewc(nn::Model& model, EwcOptions options, core::Seed seed)
    : model_(model), options_(options), seed_(seed), parameters_(model.parameters()) {
  for (const torch::Tensor& parameter : parameters_) {
    fisher_.push_back(torch::zeros_like(parameter.detach()));
    anchor_.push_back(torch::zeros_like(parameter.detach()));
  }
}

optim::StepSlots Ewc::slots() {
  optim::StepSlots slots;
  slots.transforms.push_back(std::make_shared<TransformFunction>(
      [this](const std::vector<torch::Tensor>&, optim::StepReport&) { add_penalty(); }));
  return slots;
}

// The penalty's gradient, λ (Σ F_t θ − Σ F_t θ*_t).
void Ewc::add_penalty() {
  if (!started_) return;
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    torch::Tensor& gradient = parameters_[i].mutable_grad();
    if (!gradient.defined()) continue;
    gradient.addcmul_(fisher_[i], parameters_[i], options_.lambda);
    gradient.sub_(anchor_[i], options_.lambda);
  }
}

std::vector<torch::Tensor> Ewc::fisher(const data::Dataset& examples) const {
  const nn::EvaluationMode evaluation(model_);
  const torch::Device device = nn::device_of(model_);
  core::Random random = seed_.stream("fisher").stream(static_cast<uint64_t>(task_)).random();
  const int64_t count = std::min(options_.samples, examples.size());
  std::vector<int64_t> rows = random.permutation(examples.size());
  rows.resize(static_cast<size_t>(count));
  const data::Dataset drawn = examples.select(torch::tensor(rows));
  std::vector<torch::Tensor> sums;
  for (const torch::Tensor& parameter : parameters_) sums.push_back(torch::zeros_like(parameter.detach()));
  for (int64_t i = 0; i < count; ++i) {
    for (const torch::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
    const torch::Tensor log_probabilities =
        model_.forward(drawn.inputs.narrow(0, i, 1).to(device)).log_softmax(1);
    const torch::Tensor cumulative = log_probabilities.detach().exp().cumsum(1).cpu();
    const int64_t label =
        std::min<int64_t>((cumulative < random.uniform()).sum().item<int64_t>(), cumulative.size(1) - 1);
    log_probabilities[0][label].backward();
    const torch::NoGradGuard no_grad;
    for (size_t p = 0; p < parameters_.size(); ++p)
      if (parameters_[p].grad().defined()) sums[p].addcmul_(parameters_[p].grad(), parameters_[p].grad());
  }
  for (const torch::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
  for (torch::Tensor& sum : sums) sum.div_(static_cast<double>(count));
  return sums;
}

std::vector<std::string> Ewc::end_task(const Task& task, const Forward&) {
  const std::vector<torch::Tensor> added = fisher(task.train);
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    fisher_[i].add_(added[i]);
    anchor_[i].addcmul_(added[i], parameters_[i]);
  }
  started_ = true;
  return {};
}

int64_t Ewc::memory_bytes() const {
  int64_t bytes = 0;
  if (started_)
    for (const torch::Tensor& tensor : fisher_) bytes += 2 * tensor.numel() * tensor.element_size();
  return bytes;
}

void Ewc::save(torch::serialize::OutputArchive& archive) const {
  archive.write("started", c10::IValue(started_));
  for (size_t i = 0; started_ && i < fisher_.size(); ++i) {
    archive.write("fisher" + std::to_string(i), fisher_[i], /*is_buffer=*/true);
    archive.write("anchor" + std::to_string(i), anchor_[i], /*is_buffer=*/true);
  }
}

void Ewc::load(torch::serialize::InputArchive& archive) {
  c10::IValue started;
  archive.read("started", started);
  started_ = started.toBool();
  for (size_t i = 0; started_ && i < fisher_.size(); ++i) {
    archive.read("fisher" + std::to_string(i), fisher_[i], /*is_buffer=*/true);
    archive.read("anchor" + std::to_string(i), anchor_[i], /*is_buffer=*/true);
  }
}

}  // namespace lathe::train::continual
