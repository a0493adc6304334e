#include <fmt/core.h>

#include <torch/torch.h>
#include <sstream>

#include "lathe/core/error.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/calibrate.h"
#include "lathe/pipeline/details.h"
#include "lathe/pipeline/groups_report.h"
#include "lathe/pipeline/stages.h"
#include "lathe/pipeline/subspace_profile.h"
#include "lathe/pipeline/training.h"

namespace lathe::pipeline {
namespace {

nlohmann::json columns(const std::vector<train::StepPoint>& curve) {
  nlohmann::json json = {{"step", nlohmann::json::array()},
                         {"train_loss", nlohmann::json::array()},
                         {"lr", nlohmann::json::array()},
                         {"metrics", nlohmann::json::object()}};
  for (const auto& point : curve)
    for (const auto& [name, value] : point.metrics) json["metrics"][name] = nlohmann::json::array();
  for (const auto& point : curve) {
    for (auto& [name, values] : json["metrics"].items()) {
      const auto found = point.metrics.find(name);
      values.push_back(found == point.metrics.end() ? nlohmann::json() : nlohmann::json(found->second));
    }
    json["step"].push_back(point.step);
    json["train_loss"].push_back(point.loss);
    json["lr"].push_back(point.learning_rate);
  }
  return json;
}

nlohmann::json columns(const std::vector<train::EpochPoint>& epochs) {
  nlohmann::json json = {{"epoch", nlohmann::json::array()},
                         {"holdout_loss", nlohmann::json::array()},
                         {"holdout_accuracy", nlohmann::json::array()},
                         {"seconds", nlohmann::json::array()}};
  for (const auto& point : epochs) {
    json["epoch"].push_back(point.epoch);
    json["holdout_loss"].push_back(point.holdout_loss);
    json["holdout_accuracy"].push_back(point.holdout_accuracy);
    json["seconds"].push_back(point.seconds);
  }
  return json;
}

// Writes subspace.pt and measures along it. Moves the weights of the subspace's network.
nlohmann::json keep_subspace(train::Subspace& subspace, const StageContext& context) {
  torch::serialize::OutputArchive archive;
  subspace.save(archive);
  std::ostringstream bytes;
  archive.save_to(bytes);
  core::write_file(context.staged / "subspace.pt", bytes.str());
  const data::Splits& splits = context.job.splits();
  nlohmann::json profile =
      to_json(SubspaceMeasurement(subspace, splits.train.inputs, splits.holdout).profile());
  if (context.job.options().train.patience > 0)
    profile["note"] =
        "the model is the best midpoint that early stopping saw, the endpoints are those of the end";
  return profile;
}

std::string describe_batch(const train::TrainOptions& options) {
  std::string text = std::to_string(options.batch_size);
  if (options.micro_batch > 0)
    text += fmt::format(" = {} micro-batches of {}", options.batch_size / options.micro_batch,
                        options.micro_batch);
  if (options.schedule_scale != 1)
    text += fmt::format(" = {:g} × the schedule's {:g}", options.schedule_scale,
                        static_cast<double>(options.batch_size) / options.schedule_scale);
  return text;
}

std::string describe_step(const optim::OptimizerOptions& options) {
  std::string text = options.kind;
  if (options.sam)
    text +=
        fmt::format(" + {} ρ {:g}{}{}", options.sam->adaptive ? "ASAM" : "SAM", options.sam->rho,
                    options.sam->every > 1 ? fmt::format(", every {} steps", options.sam->every) : "",
                    options.sam->start > 0 ? fmt::format(", from {:.0f} %", 100 * options.sam->start) : "");
  if (options.adascale) text += " + AdaScale";
  if (options.scaling) text += " + scaled learning rate";
  if (options.clip_norm > 0) text += fmt::format(" + clipping at {:g}", options.clip_norm);
  return text;
}

}  // namespace

StageReport run_train(const StageContext& context) {
  Job& job = context.job;
  const data::Splits& splits = job.splits();
  const PipelineOptions& options = job.options();
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
      training.trainer->fit(splits.train, splits.holdout, context.checkpoint, job.stop(), hooks);
  const nlohmann::json calibration = calibrate(*model, splits.holdout, options);
  nn::save(*model, context.staged / "model.pt");
  nlohmann::json groups;
  if (training.groups) groups = keep_groups(*training.groups, splits.train, context.staged);
  if (groups.is_object()) groups["curve"] = worst->curve();
  const nlohmann::json subspace =
      training.subspace ? keep_subspace(*training.subspace, context) : nlohmann::json();

  StageReport report;
  report.metrics = {{"parameters", "", static_cast<double>(cost.parameters), ""},
                    {"flops", "", static_cast<double>(cost.flops), "per example"},
                    {"steps", "", static_cast<double>(fit.steps), ""},
                    {"gradient_evaluations", "", static_cast<double>(fit.evaluations), "micro-batches"},
                    {"training_time", "", fit.seconds, "s"},
                    {"step_time", "", fit.step_milliseconds, "ms"}};
  if (detail_text(calibration, "/method") == "temperature")
    report.metrics.push_back({"temperature", "", 1 / calibration.at("weights").at(0).get<double>(), ""});
  if (options.train.schedule_scale > 1)
    report.metrics.push_back(
        {"steps_saved", "", fit.progress - static_cast<double>(fit.steps),
         fmt::format("of {:.0f} with batches of {:g}", fit.progress,
                     static_cast<double>(options.train.batch_size) / options.train.schedule_scale)});
  report.details = {
      {"model",
       {{"kind", core::Config::parse(model->architecture()).text("kind")},
        {"parameters", cost.parameters},
        {"flops", cost.flops}}},
      {"curves", columns(fit.curve)},
      {"epochs", columns(fit.epochs)},
      {"steps", fit.steps},
      {"batch", describe_batch(options.train)},
      {"optimizer", describe_step(options.optim)},
      {"calibration", calibration},
      {"subspace", subspace},
      {"groups", groups},
      {"skipped_steps", fit.skipped_steps},
      {"stopped_early", fit.stopped_early},
      {"threads", threads},
      {"processes", job.setup().how().communicator ? job.setup().how().communicator->size() : 1},
      {"step_milliseconds", fit.step_milliseconds}};
  return report;
}

}  // namespace lathe::pipeline
