#include <fmt/core.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/stages.h"
#include "lathe/train/threads.h"

namespace lathe::pipeline {
namespace {

// `--threads N`, or those of the run that is resumed, or the faster of one and all: measured on a model of
// its own, so that it leaves no trace.
int set_threads(const StageContext& context, const data::Dataset& dataset) {
  const Job& job = context.job;
  std::optional<int> threads = train::checkpoint_threads(context.checkpoint);
  if (job.threads() != "auto") threads = std::stoi(job.threads());
  if (threads) {
    train::set_compute_threads(*threads);
    return *threads;
  }
  const auto model = job.new_model();
  const train::Objective objective = train::cross_entropy();
  const int64_t size = std::min(job.options().train.batch_size, dataset.size());
  const data::Batch batch{dataset.inputs.slice(0, 0, size).to(job.device()),
                          dataset.targets.slice(0, 0, size).to(job.device()),
                          {}};
  return train::choose_threads([&] { objective(*model, batch).backward(); }).threads;
}

nlohmann::json columns(const std::vector<train::StepPoint>& curve) {
  nlohmann::json json = {{"step", nlohmann::json::array()},
                         {"train_loss", nlohmann::json::array()},
                         {"lr", nlohmann::json::array()}};
  for (const auto& point : curve) {
    json["step"].push_back(point.step);
    json["train_loss"].push_back(point.loss);
    json["lr"].push_back(point.learning_rate);
  }
  return json;
}

nlohmann::json columns(const std::vector<train::EpochPoint>& epochs) {
  nlohmann::json json = {{"epoch", nlohmann::json::array()},
                         {"holdout_loss", nlohmann::json::array()},
                         {"holdout_accuracy", nlohmann::json::array()}};
  for (const auto& point : epochs) {
    json["epoch"].push_back(point.epoch);
    json["holdout_loss"].push_back(point.holdout_loss);
    json["holdout_accuracy"].push_back(point.holdout_accuracy);
  }
  return json;
}

}  // namespace

StageReport run_train(const StageContext& context) {
  Job& job = context.job;
  const data::Splits& splits = job.splits();
  const PipelineOptions& options = job.options();
  const int threads = set_threads(context, splits.train);
  const auto model = job.new_model();
  const nn::Cost cost = nn::cost(*model, splits.train.inputs.slice(0, 0, 1).to(job.device()));

  train::Trainer trainer(model, optim::make_step(model->parameters(), options.optim), options.train,
                         job.seed().stream("train"));
  train::Hooks hooks;
  hooks.after_epoch = [&](const train::EpochPoint& point) {
    job.log(
        {{.name = "loss", .step = point.step, .value = point.holdout_loss, .split = "holdout", .unit = ""},
         {.name = "accuracy",
          .step = point.step,
          .value = point.holdout_accuracy,
          .split = "holdout",
          .unit = ""}});
  };
  const train::FitReport fit =
      trainer.fit(splits.train, splits.holdout, context.checkpoint, job.stop(), hooks);
  nn::save(*model, context.staged / "model.pt");

  StageReport report;
  report.metrics = {{"parameters", "", static_cast<double>(cost.parameters), ""},
                    {"flops", "", static_cast<double>(cost.flops), "per example"},
                    {"training_time", "", fit.seconds, "s"},
                    {"step_time", "", fit.step_milliseconds, "ms"}};
  report.details = {{"model",
                     {{"kind", core::Config::parse(model->architecture()).text("kind")},
                      {"parameters", cost.parameters},
                      {"flops", cost.flops}}},
                    {"curves", columns(fit.curve)},
                    {"epochs", columns(fit.epochs)},
                    {"steps", fit.steps},
                    {"skipped_steps", fit.skipped_steps},
                    {"stopped_early", fit.stopped_early},
                    {"threads", threads},
                    {"step_milliseconds", fit.step_milliseconds}};
  return report;
}

}  // namespace lathe::pipeline
