#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/calibrate.h"
#include "lathe/pipeline/continual_stage.h"
#include "lathe/pipeline/groups_report.h"
#include "lathe/pipeline/multitask_report.h"
#include "lathe/pipeline/stages.h"
#include "lathe/pipeline/text_details.h"
#include "lathe/pipeline/train_details.h"
#include "lathe/pipeline/training.h"
#include "lathe/train/subspace_file.h"
#include "lathe/train/subspace_measurement.h"

namespace lathe::pipeline {
namespace {

// Writes subspace.pt and measures along it. Moves the weights of the subspace's network.
nlohmann::json keep_subspace(train::Subspace& subspace, const StageContext& context) {
  train::save_subspace(subspace, context.staged / "subspace.pt");
  const data::Splits& splits = context.job.splits();
  nlohmann::json profile =
      to_json(train::SubspaceMeasurement(subspace, splits.train.inputs, splits.holdout).profile());
  if (context.job.options().train.patience > 0)
    profile["note"] =
        "the model is the best midpoint that early stopping saw, the endpoints are those of the end";
  return profile;
}

}  // namespace

StageReport run_train(const StageContext& context) {
  Job& job = context.job;
  const data::Splits& splits = job.splits();
  const PipelineOptions& options = job.options();
  if (options.continual) return run_continual(context);
  announce_training(job.setup(), context.checkpoint);
  const int threads = set_threads(job.setup(), context.checkpoint);
  const Training training = make_training(job.setup());
  const auto& model = training.model;
  const nn::Cost cost = nn::cost(*model, splits.train.inputs.slice(0, 0, 1).to(job.setup().device()));

  std::optional<WorstGroup> worst;
  if (training.groups) worst.emplace(*model, *training.groups, splits.train);
  train::Hooks hooks;
  hooks.after_epoch = [&](const train::EpochPoint& point) {
    if (worst) worst->after_epoch(point.epoch);
    job.log(
        {{.name = "loss", .step = point.step, .value = point.holdout_loss, .split = "holdout", .unit = ""},
         {.name = "accuracy",
          .step = point.step,
          .value = point.holdout_accuracy,
          .split = "holdout",
          .unit = ""}});
  };
  const train::FitReport fit =
      training.trainer->fit(training.examples, splits.holdout, context.checkpoint, job.stop(), hooks);
  const nlohmann::json calibration = calibrate(*model, splits.holdout, options);
  nn::save(*model, context.staged / "model.pt");
  nlohmann::json groups;
  if (training.groups)
    groups = keep_groups(*training.groups, splits.train, options.groups->compare, context.staged);
  if (groups.is_object()) groups["curve"] = worst->curve();
  const nlohmann::json subspace =
      training.subspace ? keep_subspace(*training.subspace, context) : nlohmann::json();

  const auto& communicator = job.setup().how().communicator;
  StageReport report = training_report(
      *model, cost, fit, {calibration, threads, communicator ? communicator->size() : 1}, options);
  report.details["subspace"] = subspace;
  report.details["groups"] = groups;
  if (const nlohmann::json words = strongest_words(*model); !words.is_null()) report.details["words"] = words;
  if (training.multitask) report.details["multitask"] = keep_multitask(*training.multitask, context.staged);
  return report;
}

}  // namespace lathe::pipeline
