#include "lathe/pipeline/prediction_sets.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/evaluate/calibration.h"
#include "lathe/evaluate/conformal/report.h"
#include "lathe/pipeline/show_example.h"

namespace lathe::pipeline {
namespace {

namespace conformal = evaluate::conformal;
using conformal::Conformal;
using Json = nlohmann::json;

constexpr const char* kSetsFile = "evaluate/conformal.json";
constexpr int64_t kPictures = 16;  // of small sets, and of large ones

Json columns(const std::vector<evaluate::ReliabilityBin>& curve) {
  Json json = {{"confidence", Json::array()}, {"accuracy", Json::array()}, {"count", Json::array()}};
  for (const auto& bin : curve) {
    if (bin.count == 0) continue;
    json["confidence"].push_back(bin.confidence);
    json["accuracy"].push_back(bin.accuracy);
    json["count"].push_back(bin.count);
  }
  return json;
}

// The first examples of the smallest sets that are not empty, or of the largest.
enum class Which { smallest, largest };
Json show_sets(const data::Dataset& test, const conformal::Sets& sets, Which which,
               const std::filesystem::path& staged) {
  const torch::Tensor sizes = sets.sizes();
  const torch::Tensor rows = sizes.gt(0).nonzero().flatten();
  const torch::Tensor order = std::get<1>(
      sizes.index_select(0, rows).sort(/*stable=*/true, 0, /*descending=*/which == Which::largest));
  const auto& classes = test.schema.classes;
  const int64_t* offsets = sets.offsets.data_ptr<int64_t>();
  const int64_t* labels = sets.labels.data_ptr<int64_t>();
  Json shown = Json::array();
  for (int64_t i = 0; i < std::min(kPictures, rows.numel()); ++i) {
    const auto example = rows[order[i]].item<int64_t>();
    Json entry = {{"truth", classes.at(static_cast<size_t>(test.targets[example].item<int64_t>()))},
                  {"labels", Json::array()}};
    for (int64_t j = offsets[example]; j < offsets[example + 1]; ++j)
      entry["labels"].push_back(classes.at(static_cast<size_t>(labels[j])));
    show_example(test, example, staged,
                 fmt::format("evaluate/sets/{}_{:02}.png", which == Which::largest ? "large" : "small", i),
                 entry);
    shown.push_back(std::move(entry));
  }
  return shown;
}

}  // namespace

void measure_calibration(const nn::Classifier& model, const torch::Tensor& logits,
                         const torch::Tensor& targets, StageReport& report) {
  report.details["reliability"] = {{"after", columns(evaluate::reliability_curve(logits, targets))}};
  const auto scaling = model.output_scaling();
  if (!scaling) return;
  const torch::Tensor raw = (logits - scaling->biases.cpu()) / scaling->weights.cpu();
  const auto curve = evaluate::reliability_curve(raw, targets);
  report.details["reliability"]["before"] = columns(curve);
  report.metrics.push_back({"ece_uncalibrated", "test", evaluate::expected_calibration_error(curve), ""});
}

void measure_sets(const StageContext& context, const nn::Classifier& model, const data::Splits& splits,
                  const SplitLogits& logits, StageReport& report) {
  Job& job = context.job;
  const HoldoutParts parts = holdout_parts(splits.holdout.size(), job.options());
  const conformal::Examples calibration = {.logits = logits.holdout,
                                           .labels = splits.holdout.targets,
                                           .rows = parts.calibration,
                                           .tuning = parts.tuning};
  const conformal::Examples test = {.logits = logits.test, .labels = splits.test.targets};
  conformal::Options options = *job.options().evaluate.conformal;
  options.classes = model.schema().classes;
  if (model.output_scaling()) options.temperature = 1;  // the logits are scaled already

  const Conformal fitted = Conformal::fit(calibration, options);
  core::write_file(context.staged / kSetsFile, to_json(fitted).dump() + "\n");
  conformal::Report measured = conformal::report(fitted, test);
  report.metrics.push_back(
      {"coverage", "test", measured.coverage, fmt::format("nominal {:g}", 1 - options.alpha)});
  if (measured.observed_band)
    for (const auto& [name, end] : {std::pair{"coverage_band_low", measured.observed_band->low},
                                    std::pair{"coverage_band_high", measured.observed_band->high}})
      report.metrics.push_back(
          {name, "test", end, fmt::format("99 % of calibrations on {} examples", measured.num_calibration)});
  report.metrics.push_back({"mean_set_size", "test", measured.mean_size, "labels"});
  for (const conformal::Method method : {conformal::Method::kNaive, conformal::Method::kAps}) {
    if (method == options.method) continue;
    conformal::Options other = options;
    other.method = method;
    other.condition = conformal::Condition::kNone;
    const conformal::Report beside = conformal::report(Conformal::fit(calibration, other), test);
    const std::string suffix = "_" + to_string(method);
    report.metrics.push_back({"coverage" + suffix, "test", beside.coverage, ""});
    report.metrics.push_back({"mean_set_size" + suffix, "test", beside.mean_size, "labels"});
  }
  if (job.options().train.patience > 0)
    measured.notes.push_back(
        "early stopping chose the weights by the same held-out examples, so the guarantee is approximate");
  const conformal::Sets sets = fitted.predict(test);
  report.details["conformal"] = {{"method", to_string(options.method)},
                                 {"k_reg", fitted.fitted().rule.k_reg},
                                 {"lambda", fitted.fitted().rule.lambda},
                                 {"report", to_json(measured)},
                                 {"small", show_sets(splits.test, sets, Which::smallest, context.staged)},
                                 {"large", show_sets(splits.test, sets, Which::largest, context.staged)}};
}

Conformal bundle_sets(const Bundle& bundle) {
  if (!bundle.has(kSetsFile))
    throw InputError("{} has no {}; add an [evaluate.conformal] table to its pipeline file and run it again",
                     bundle.path().string(), kSetsFile);
  try {
    return conformal::conformal_from_json(bundle.json(kSetsFile));
  } catch (const InputError& error) {
    throw InputError("{}: {}", bundle.file(kSetsFile).string(), error.what());
  }
}

}  // namespace lathe::pipeline
