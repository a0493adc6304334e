#include "studies/label_noise.h"

#include <torch/torch.h>

#include "lathe/math/special.h"
#include "lathe/optim/optimizer.h"

namespace lathe::studies {
namespace {

// λ f(x) + (1 − λ) f(x') for inputs and losses alike; the partners are the batch in another order.
optim::Objective mixup(double alpha, core::Seed seed) {
  return [alpha, random = seed.random()](nn::Model& model, const data::Batch& batch) mutable {
    const double lambda = math::inverse_incomplete_beta(alpha, alpha, random.uniform());
    const torch::Tensor partner = torch::tensor(random.permutation(batch.targets.size(0)), torch::kInt64);
    const torch::Tensor inputs = batch.inputs.to(torch::kFloat32);
    const torch::Tensor logits =
        model.forward(torch::lerp(inputs.index_select(0, partner.to(inputs.device())), inputs, lambda));
    return lambda * torch::cross_entropy_loss(logits, batch.targets) +
           (1 - lambda) *
               torch::cross_entropy_loss(logits, batch.targets.index_select(0, partner.to(logits.device())));
  };
}

}  // namespace

NoisyData noisy_data(const LabelNoiseTask& task, double noise, core::Seed seed) {
  const data::Splits parts = data::split(
      task.source, {.holdout = static_cast<double>(task.num_holdout), .subset = task.num_train}, seed);
  return {.train = data::corrupt_labels(parts.train, noise, seed.stream("train labels")).dataset,
          .holdout = data::corrupt_labels(parts.holdout, noise, seed.stream("held-out labels")).dataset,
          .test = parts.test,
          .true_targets = parts.train.targets,
          .true_holdout_targets = parts.holdout.targets};
}

TrainedRun train_run(const LabelNoiseTask& task, const NoisyData& data, const std::string& model_table,
                     const Recipe& recipe, core::Seed seed, const core::StopToken& stop) {
  optim::OptimizerOptions optimizer = {
      .lr = task.lr, .momentum = 0.9, .nesterov = false, .weight_decay = 5e-4};
  if (recipe.rho > 0) optimizer.sam = optim::SamOptions{.rho = recipe.rho};
  TrainedRun run;
  run.model = nn::build(core::Config::parse(model_table), data.train.schema, seed.stream("model"));
  run.model->fit_inputs(data.train.inputs);
  if (torch::cuda::is_available()) run.model->to(torch::kCUDA);
  train::Trainer trainer(run.model, optim::make_step(run.model->parameters(), optimizer),
                         {.epochs = recipe.epochs,
                          .micro_batch = recipe.micro_batch,
                          .label_smoothing = recipe.label_smoothing,
                          .patience = recipe.patience,
                          .schedule = {.kind = "cosine", .warmup = 0, .end = 0},
                          .augment = task.augment},
                         seed.stream("training"));
  if (recipe.mixup_alpha > 0) trainer.set_objective(mixup(recipe.mixup_alpha, seed.stream("mixup")));
  // Only stopping early may look at held-out labels, and those are noisy; the curve shows the true ones.
  data::Dataset holdout = data.holdout;
  if (recipe.patience == 0) holdout.targets = data.true_holdout_targets;
  for (const train::EpochPoint& point : trainer.fit(data.train, holdout, {}, stop).epochs)
    run.curve.push_back(100 * point.holdout_accuracy);
  return run;
}

double percent_right(const torch::Tensor& logits, const torch::Tensor& targets) {
  return 100 * logits.argmax(1).eq(targets).to(torch::kFloat64).mean().item<double>();
}

double memorised(nn::Model& model, const NoisyData& data) {
  const torch::Tensor wrong = data.train.targets.ne(data.true_targets).nonzero().squeeze(1);
  if (wrong.numel() == 0) return 0;
  return percent_right(nn::predict(model, data.train.inputs.index_select(0, wrong)),
                       data.train.targets.index_select(0, wrong));
}

}  // namespace lathe::studies
