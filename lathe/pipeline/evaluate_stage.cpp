#include <fmt/core.h>
#include <torch/torch.h>

#include "lathe/data/npy.h"
#include "lathe/evaluate/calibration.h"
#include "lathe/evaluate/classification.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/active_stage.h"
#include "lathe/pipeline/checklist_stage.h"
#include "lathe/pipeline/opinion_stage.h"
#include "lathe/pipeline/prediction_sets.h"
#include "lathe/pipeline/show_example.h"
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {
namespace {

using Json = nlohmann::json;

// NaN (a class never predicted) is null in JSON.
Json numbers(const torch::Tensor& values) {
  const torch::Tensor flat = values.to(torch::kFloat64).contiguous();
  return std::vector<double>(flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
}

Json rows(const torch::Tensor& matrix) {
  Json json = Json::array();
  for (int64_t i = 0; i < matrix.size(0); ++i) json.push_back(numbers(matrix[i]));
  return json;
}

void append(std::vector<BundleMetric>& metrics, const evaluate::ClassificationMetrics& m,
            const std::string& split, int64_t top_k, int64_t num_classes, const std::string& examples) {
  metrics.push_back({"accuracy", split, m.accuracy, examples});
  if (top_k > 1 && top_k < num_classes)
    metrics.push_back({fmt::format("top{}_accuracy", top_k), split, m.top_k, ""});
  metrics.push_back({"nll", split, m.nll, "nats"});
  metrics.push_back({"brier", split, m.brier, ""});
}

// The wrong predictions with the highest confidence.
Json worst_mistakes(const data::Dataset& dataset, const torch::Tensor& logits, int64_t count,
                    const std::filesystem::path& staged) {
  const auto [confidence, predicted] = logits.softmax(1).max(1);
  const torch::Tensor wrong = predicted.ne(dataset.targets).nonzero().flatten();
  const torch::Tensor order =
      std::get<1>(confidence.index_select(0, wrong).sort(/*stable=*/true, 0, /*descending=*/true));
  const torch::Tensor worst = wrong.index_select(0, order.slice(0, 0, count));
  const auto& classes = dataset.schema.classes;
  Json mistakes = Json::array();
  for (int64_t i = 0; i < worst.numel(); ++i) {
    const auto example = worst[i].item<int64_t>();
    Json mistake = {{"truth", classes.at(static_cast<size_t>(dataset.targets[example].item<int64_t>()))},
                    {"predicted", classes.at(static_cast<size_t>(predicted[example].item<int64_t>()))},
                    {"confidence", confidence[example].item<double>()}};
    show_example(dataset, example, staged, fmt::format("evaluate/mistakes/{:02}.png", i), mistake);
    mistakes.push_back(std::move(mistake));
  }
  return mistakes;
}

}  // namespace

StageReport run_evaluate(const StageContext& context) {
  Job& job = context.job;
  const auto model = nn::load(job.bundle().file("model.pt"));
  model->to(job.setup().device());
  const EvaluateOptions& options = job.options().evaluate;
  const int64_t num_classes = model->schema().num_classes();
  std::filesystem::create_directories(context.staged / "evaluate" / "mistakes");

  StageReport report;
  const std::string examples =
      job.options().continual ? measured_on(job.options().continual->tasks) : std::string();
  const auto measure = [&](const data::Dataset& dataset, const std::string& split) {
    const torch::Tensor logits = nn::predict(*model, dataset.inputs);
    data::write_npy(context.staged / "evaluate" / (split + "_logits.npy"), logits);
    data::write_npy(context.staged / "evaluate" / (split + "_labels.npy"), dataset.targets);
    const auto metrics = evaluate::classification_metrics(logits, dataset.targets, {.top_k = options.top_k});
    append(report.metrics, metrics, split, options.top_k, num_classes, examples);
    report.metrics.push_back(
        {"ece", split, evaluate::expected_calibration_error(logits, dataset.targets), ""});
    return std::make_pair(logits, metrics);
  };
  const data::Splits splits = job.setup().measured_splits();
  const torch::Tensor holdout = measure(splits.holdout, "holdout").first;
  const auto [logits, metrics] = measure(splits.test, "test");
  report.details = {{"classes", model->schema().classes},
                    {"confusion", rows(metrics.confusion)},
                    {"per_class",
                     {{"precision", numbers(metrics.precision)},
                      {"recall", numbers(metrics.recall)},
                      {"f1", numbers(metrics.f1)}}},
                    {"mistakes", worst_mistakes(splits.test, logits, options.mistakes, context.staged)}};
  measure_calibration(*model, logits, splits.test.targets, report);
  if (options.conformal) measure_sets(context, *model, splits, {holdout, logits}, report);
  if (options.checklist) run_checklist(context, model, report);
  if (options.active) run_active(context, *model, splits.test, report);
  if (options.opinion) run_opinion(context, *model, report);
  return report;
}

}  // namespace lathe::pipeline
