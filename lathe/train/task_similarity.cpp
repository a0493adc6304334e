#include "lathe/train/task_similarity.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/batch_norm.h"

namespace lathe::train {

TaskSimilarity::TaskSimilarity(std::shared_ptr<nn::Model> model, std::shared_ptr<const optim::GradVac> rule,
                               std::vector<data::Batch> examples, optim::Objective objective,
                               int64_t times_per_epoch)
    : model_(std::move(model)),
      rule_(std::move(rule)),
      examples_(std::move(examples)),
      objective_(std::move(objective)),
      times_per_epoch_(times_per_epoch) {
  if (examples_.size() != rule_->tasks().size())
    throw InputError("there are examples of {} tasks, and {} tasks", examples_.size(), rule_->tasks().size());
  ranges_.push_back({"all", 0, rule_->components().back().end});
  for (size_t k = 0; k < rule_->components().size(); ++k)
    ranges_.push_back(
        {rule_->component_names()[k], rule_->components()[k].begin, rule_->components()[k].end});
  for (const auto& range : ranges_) names_.push_back(range.name);
}

torch::Tensor TaskSimilarity::cosines() const {
  const auto T = static_cast<int64_t>(examples_.size()), K = static_cast<int64_t>(ranges_.size());
  return cosines_.empty() ? torch::empty({0, K, T, T}, torch::kFloat64) : torch::stack(cosines_);
}

void TaskSimilarity::begin(nn::Model&, const data::Dataset&, int64_t steps_per_epoch) {
  every_ = std::max<int64_t>(1, steps_per_epoch / times_per_epoch_);
}

void TaskSimilarity::before_step(int64_t step) {
  if (step % every_ != 0) return;
  const nn::EvaluationMode evaluation(*model_);
  const nn::BatchStatistics of_each_task(*model_);
  const torch::Device device = nn::device_of(*model_);
  const std::vector<torch::Tensor> shared = rule_->shared_parameters();
  std::vector<torch::Tensor> rows;
  for (const data::Batch& batch : examples_) {
    const torch::Tensor loss =
        objective_(*model_, {batch.inputs.to(device), batch.targets.to(device), batch.indices, batch.tasks});
    const auto gradients = torch::autograd::grad({loss}, shared, {}, /*retain_graph=*/{},
                                                 /*create_graph=*/false, /*allow_unused=*/true);
    std::vector<torch::Tensor> parts;
    for (size_t i = 0; i < shared.size(); ++i)
      parts.push_back(
          (gradients[i].defined() ? gradients[i] : torch::zeros_like(shared[i])).detach().reshape(-1));
    rows.push_back(torch::cat(parts));
  }
  evaluate::GradientSimilarity similarity(static_cast<int64_t>(rows.size()), ranges_);
  similarity.observe(torch::stack(rows));
  steps_.push_back(step);
  cosines_.push_back(similarity.report().cosine);
}

void TaskSimilarity::save(torch::serialize::OutputArchive& archive) const {
  archive.write("steps", torch::tensor(steps_, torch::kInt64), /*is_buffer=*/true);
  archive.write("cosines", cosines(), /*is_buffer=*/true);
}

void TaskSimilarity::load(torch::serialize::InputArchive& archive) {
  torch::Tensor steps, cosines;
  archive.read("steps", steps, /*is_buffer=*/true);
  archive.read("cosines", cosines, /*is_buffer=*/true);
  const torch::Tensor own = this->cosines();
  if (steps.dim() != 1 || steps.scalar_type() != torch::kInt64 || cosines.dim() != 4 ||
      cosines.scalar_type() != torch::kFloat64 || cosines.size(0) != steps.size(0) ||
      cosines.sizes().slice(1) != own.sizes().slice(1))
    throw InputError("the saved similarities are of other tasks");
  steps_.assign(steps.data_ptr<int64_t>(), steps.data_ptr<int64_t>() + steps.numel());
  cosines_ = cosines.unbind(0);
}

}  // namespace lathe::train
