#include "lathe/pipeline/quantize_classifier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include "lathe/compile/passes.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"

namespace lathe::pipeline {
namespace {

constexpr int64_t kJudged = 1000;

// At most `count` examples, at random.
torch::Tensor choose(int64_t size, int64_t count, core::Seed seed) {
  const auto order = seed.random().permutation(size);
  return torch::tensor(order).slice(0, 0, std::min(size, count));
}

double accuracy(const compile::Graph& graph, const data::Dataset& dataset) {
  const torch::NoGradGuard no_grad;
  int64_t right = 0;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const torch::Tensor logits = compile::evaluate(graph, {dataset.inputs.slice(0, i, i + 1)}).at(0);
    right += logits.argmax(1).item<int64_t>() == dataset.targets[i].item<int64_t>();
  }
  return static_cast<double>(right) / static_cast<double>(dataset.size());
}

}  // namespace

CompileData compile_data(const data::Splits& splits) {
  return {splits.train.inputs, splits.train, splits.holdout.size() > 0 ? splits.holdout : splits.train};
}

compile::Quantized quantize_classifier(const compile::Graph& graph, const CompileData& data,
                                       const CompileStageOptions& options, const core::StopToken& stop,
                                       core::Seed seed) {
  if (data.calibration.size() == 0 || data.judged.size() == 0)
    throw InputError("quantizing needs the examples that the model was trained with");
  const compile::Graph optimized = compile::optimize(graph);
  const data::Dataset judged = data.judged.select(choose(data.judged.size(), kJudged, seed.stream("judged")));
  std::vector<compile::Sample> samples;
  const torch::Tensor chosen =
      choose(data.calibration.size(), options.calibration_examples, seed.stream("calibration"));
  for (int64_t i = 0; i < chosen.size(0); ++i)
    samples.push_back({data.calibration.select(chosen.slice(0, i, i + 1)).inputs});
  core::Progress progress("quantize", 100, "%");
  const double before = accuracy(optimized, judged);
  const auto loss = [&](const compile::Graph& quantized) {
    stop.check("quantizing the model");
    return before - accuracy(compile::use_integer_layers(quantized), judged);
  };
  compile::Quantized result =
      compile::quantize_model(optimized, samples, loss,
                              {.calibration = compile::calibration_of(options.calibration),
                               .most_loss = options.max_accuracy_drop,
                               .progress = [&](double fraction) {
                                 stop.check("quantizing the model");
                                 progress.update(static_cast<int64_t>(100 * fraction));
                               }});
  progress.update(100);
  progress.finish(summary(result));
  return result;
}

nlohmann::json to_json(const compile::Quantized& quantized) {
  nlohmann::json layers = nlohmann::json::array();
  for (const auto& layer : quantized.layers)
    layers.push_back({{"source", layer.source},
                      {"multiply_adds", layer.multiply_adds},
                      {"snr_db", layer.snr_db},
                      {"quantized", layer.quantized}});
  return {{"share", quantized.share},
          {"loss", quantized.loss},
          {"weight_bits", compile::kWeightBits},
          {"layers", layers}};
}

std::string summary(const compile::Quantized& quantized) {
  std::vector<std::string> back;
  for (const auto& layer : quantized.layers)
    if (!layer.quantized) back.push_back(fmt::format("{} ({:.0f} dB)", layer.source, layer.snr_db));
  return fmt::format("{} of {} layers in bytes, {:.1f} % of the multiply-adds{}",
                     quantized.layers.size() - back.size(), quantized.layers.size(), 100 * quantized.share,
                     back.empty() ? "" : fmt::format("; in floating point {}", fmt::join(back, ", ")));
}

}  // namespace lathe::pipeline
