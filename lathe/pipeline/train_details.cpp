#include "lathe/pipeline/train_details.h"

#include <fmt/core.h>

#include "lathe/pipeline/details.h"

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

StageReport training_report(const nn::Classifier& model, const nn::Cost& cost, const train::FitReport& fit,
                            const TrainingFacts& facts, const PipelineOptions& options) {
  StageReport report;
  report.metrics = {{"parameters", "", static_cast<double>(cost.parameters), ""},
                    {"flops", "", static_cast<double>(cost.flops), "per example"},
                    {"steps", "", static_cast<double>(fit.steps), ""},
                    {"gradient_evaluations", "", static_cast<double>(fit.evaluations), "micro-batches"},
                    {"training_time", "", fit.seconds, "s"},
                    {"step_time", "", fit.step_milliseconds, "ms"}};
  if (detail_text(facts.calibration, "/method") == "temperature")
    report.metrics.push_back(
        {"temperature", "", 1 / facts.calibration.at("weights").at(0).get<double>(), ""});
  if (options.train.schedule_scale > 1)
    report.metrics.push_back(
        {"steps_saved", "", fit.progress - static_cast<double>(fit.steps),
         fmt::format("of {:.0f} with batches of {:g}", fit.progress,
                     static_cast<double>(options.train.batch_size) / options.train.schedule_scale)});
  report.details = {{"model",
                     {{"kind", core::Config::parse(model.architecture()).text("kind")},
                      {"parameters", cost.parameters},
                      {"flops", cost.flops}}},
                    {"curves", columns(fit.curve)},
                    {"epochs", columns(fit.epochs)},
                    {"steps", fit.steps},
                    {"batch", describe_batch(options.train)},
                    {"optimizer", describe_step(options.optim)},
                    {"calibration", facts.calibration},
                    {"skipped_steps", fit.skipped_steps},
                    {"stopped_early", fit.stopped_early},
                    {"threads", facts.threads},
                    {"processes", facts.processes},
                    {"step_milliseconds", fit.step_milliseconds}};
  return report;
}

}  // namespace lathe::pipeline
