#include "lathe/pipeline/calibrate.h"

#include <torch/torch.h>

#include "lathe/evaluate/calibration.h"

namespace lathe::pipeline {
namespace {

constexpr int64_t kFewestExamples = 100;  // a temperature fitted to fewer would mostly be noise

Calibration resolve(Calibration asked, int64_t examples) {
  if (asked != Calibration::automatic) return asked;
  return examples >= kFewestExamples ? Calibration::temperature : Calibration::none;
}

evaluate::Scaling fit(Calibration method, const torch::Tensor& logits, const torch::Tensor& targets) {
  if (method == Calibration::vector) return evaluate::vector_scaling(logits, targets);
  if (method == Calibration::platt) return evaluate::platt_scaling(logits, targets);
  return evaluate::temperature_scaling(logits, targets);
}

}  // namespace

nlohmann::json calibrate(nn::Classifier& model, const data::Dataset& holdout,
                         const PipelineOptions& options) {
  const torch::Tensor rows = holdout_parts(holdout.size(), options).tuning;
  const Calibration method = resolve(options.calibration, rows.size(0));
  if (method == Calibration::none) return nullptr;
  const data::Dataset tuning = holdout.select(rows);
  const evaluate::Scaling scaling = fit(method, nn::predict(model, tuning.inputs), tuning.targets);
  const std::vector<double> biases = scaling.biases.empty() ? std::vector<double>{0} : scaling.biases;
  model.scale_outputs({torch::tensor(scaling.weights), torch::tensor(biases)});
  return {{"method", method == Calibration::vector        ? "vector"
                     : method == Calibration::temperature ? "temperature"
                                                          : "platt"},
          {"weights", scaling.weights},
          {"biases", biases},
          {"examples", tuning.size()}};
}

}  // namespace lathe::pipeline
