#include "lathe/compile/quantize.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "lathe/compile/op.h"
#include "lathe/compile/passes.h"
#include "lathe/compile/passes/layout_model.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

constexpr int kBins = 2048, kLevels = 128;
constexpr double kUnlikely = 1e-6;          // what is left for a bin that a threshold's levels leave empty
constexpr double kEnough = 10 * kBins;      // numbers for a histogram; with fewer the extremes are the range
constexpr double kTail = 1e-4;              // outside a percentile, on either side
constexpr size_t kSensitivitySamples = 16;  // enough to order the layers

std::set<ValueId> layer_inputs(const Graph& graph) {
  std::set<ValueId> values;
  for (const int layer : quantizable_layers(graph))
    values.insert(graph.nodes[static_cast<size_t>(layer)].inputs[0]);
  return values;
}

void check_samples(const Graph& graph, const std::vector<Sample>& samples) {
  if (samples.empty()) throw InputError("no samples to calibrate with; some hundred examples would be right");
  for (size_t input = 0; input < graph.inputs.size(); ++input) {
    double low = INFINITY, high = -INFINITY;
    for (size_t s = 0; s < samples.size(); ++s) {
      const torch::Tensor values = samples[s].at(input).to(torch::kFloat64);
      if (!torch::isfinite(values).all().item<bool>())
        throw InputError("calibration sample {} has numbers that are not finite", s);
      low = std::min(low, values.min().item<double>());
      high = std::max(high, values.max().item<double>());
    }
    if (low == high)
      throw InputError("the calibration samples are {} throughout; give examples of what the model will see",
                       low);
  }
}

// Counts of a value's numbers: of x in [low, high], or of |x| in [0, max].
struct Histogram {
  Range range;
  std::vector<double> counts = std::vector<double>(kBins, 0);
  double width() const { return (range.high - range.low) / kBins; }
  void add(const torch::Tensor& values) {
    const torch::Tensor counted = torch::histc(values, kBins, range.low, range.high).to(torch::kFloat64);
    for (int i = 0; i < kBins; ++i) counts[static_cast<size_t>(i)] += counted[i].item<double>();
  }
};

Range without_tails(const Histogram& histogram) {
  const double total = std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0);
  int first = 0, last = kBins - 1;
  for (double seen = 0; first < last; ++first)
    if ((seen += histogram.counts[static_cast<size_t>(first)]) > kTail * total) break;
  for (double seen = 0; last > first; --last)
    if ((seen += histogram.counts[static_cast<size_t>(last)]) > kTail * total) break;
  return {histogram.range.low + first * histogram.width(),
          histogram.range.low + (last + 1) * histogram.width()};
}

// D(p ‖ q) of the first `bins` bins p, the rest counted into the last, against q: p's own bins in kLevels
// equal runs, each evened out over its bins that are not empty.
double divergence(const std::vector<double>& counts, int bins) {
  std::vector<double> p(counts.begin(), counts.begin() + bins), q(static_cast<size_t>(bins), 0);
  p.back() += std::accumulate(counts.begin() + bins, counts.end(), 0.0);
  for (int level = 0; level < kLevels; ++level) {
    const int begin = level * bins / kLevels, end = (level + 1) * bins / kLevels;
    const auto from = counts.begin() + begin, to = counts.begin() + end;
    const auto filled = std::count_if(from, to, [](double count) { return count > 0; });
    if (filled == 0) continue;
    const double each = std::accumulate(from, to, 0.0) / static_cast<double>(filled);
    for (int i = begin; i < end; ++i)
      if (counts[static_cast<size_t>(i)] > 0) q[static_cast<size_t>(i)] = each;
  }
  const double p_sum = std::accumulate(p.begin(), p.end(), 0.0),
               q_sum = std::accumulate(q.begin(), q.end(), 0.0);
  double sum = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] == 0) continue;
    sum += p[i] / p_sum * std::log(p[i] / p_sum / std::max(q[i] / q_sum, kUnlikely));
  }
  return sum;
}

Range least_divergence(const Histogram& magnitudes, const Range& all) {
  int best = kBins;
  double least = INFINITY;
  for (int bins = kLevels; bins <= kBins; ++bins)
    if (const double d = divergence(magnitudes.counts, bins); d < least) least = d, best = bins;
  const double threshold = best * magnitudes.width();
  return {std::max(all.low, -threshold), std::min(all.high, threshold)};
}

torch::Tensor evaluate_batch(const Graph& graph, const Sample& sample) {
  return evaluate(graph, sample).at(0).to(torch::kFloat64);
}

}  // namespace

Calibration calibration_of(std::string_view name) {
  if (name == "min_max") return Calibration::min_max;
  if (name == "percentile") return Calibration::percentile;
  if (name == "kl") return Calibration::kl;
  throw InputError("unknown calibration '{}'; known: min_max, percentile, kl", name);
}

std::map<ValueId, Range> calibrate(const Graph& graph, const std::vector<Sample>& samples,
                                   Calibration calibration) {
  check_samples(graph, samples);
  const std::set<ValueId> wanted = layer_inputs(graph);
  std::map<ValueId, Range> ranges;  // zero always belongs to them
  const auto each = [&](const std::function<void(ValueId, const torch::Tensor&)>& take) {
    for (const Sample& sample : samples) {
      const auto values = evaluate_all(graph, sample);
      for (const ValueId id : wanted) take(id, values[static_cast<size_t>(id)].to(torch::kFloat32));
    }
  };
  each([&](ValueId id, const torch::Tensor& values) {
    Range& range = ranges[id];
    range.low = std::min(range.low, values.min().item<double>());
    range.high = std::max(range.high, values.max().item<double>());
  });
  if (calibration == Calibration::min_max) return ranges;
  const bool magnitudes = calibration == Calibration::kl;
  std::map<ValueId, Histogram> histograms;
  for (const auto& [id, range] : ranges)
    if (range.high > range.low)
      histograms[id].range = magnitudes ? Range{0, std::max(range.high, -range.low)} : range;
  each([&](ValueId id, const torch::Tensor& values) {
    const auto histogram = histograms.find(id);
    // The many zeros that rectifiers leave say nothing about the others.
    if (histogram != histograms.end())
      histogram->second.add(magnitudes ? values.abs().masked_select(values.ne(0)) : values);
  });
  for (const auto& [id, histogram] : histograms) {
    if (std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0) < kEnough) continue;
    const Range range = magnitudes ? least_divergence(histogram, ranges.at(id)) : without_tails(histogram);
    ranges[id] = {std::min(0.0, range.low), std::max(0.0, range.high)};
  }
  return ranges;
}

std::vector<int> quantizable_layers(const Graph& graph) {
  std::vector<int> layers;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.op != "conv" && node.op != "linear") continue;
    const Type& x = graph.type(node.inputs[0]);
    const bool constant = std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                                      [&](ValueId id) { return graph.value(id).is_constant(); });
    if (!constant || x.dtype != DType::f32 || graph.value(node.inputs[0]).is_constant()) continue;
    if (node.op == "linear" || has_integer_kernel(graph, node)) layers.push_back(static_cast<int>(i));
  }
  return layers;
}

double multiply_adds(const Graph& graph, const Node& node) {
  const bool transposed = node.op == "conv_transpose";
  if (node.op != "conv" && node.op != "linear" && !transposed) return 0;
  const Type& weight = graph.type(node.inputs[1]);
  const Shape& pixels = graph.type(transposed ? node.inputs[0] : node.outputs[0]).shape;
  double uses =
      static_cast<double>(graph.type(node.outputs[0]).numel()) / static_cast<double>(weight.shape[0]);
  if (node.op != "linear")
    uses = static_cast<double>(
        std::accumulate(pixels.begin() + 2, pixels.end(), pixels[0], std::multiplies<>()));
  return uses * static_cast<double>(weight.numel());
}

Graph quantize(const Graph& graph, const std::map<ValueId, Range>& ranges, const std::vector<int>& layers) {
  const std::set<int> chosen(layers.begin(), layers.end());
  std::set<ValueId> inputs;
  for (const int layer : layers) inputs.insert(graph.nodes[static_cast<size_t>(layer)].inputs[0]);
  Graph result;
  result.name = graph.name;
  result.values = graph.values;
  result.inputs = graph.inputs;
  result.outputs = graph.outputs;
  std::map<ValueId, ValueId> bytes;  // the value that stands for one from now on
  const auto convert = [&](ValueId id, const std::string& source) {
    const Range& range = ranges.at(id);
    const double scale = std::max((range.high - range.low) / 255, 1e-12);
    const std::map<std::string, Attribute> step = {
        {"scale", std::vector<double>{scale}},
        {"zero_point", std::vector<int64_t>{std::lround(-range.low / scale)}}};
    auto as_bytes = step;
    as_bytes["dtype"] = std::string("u8");
    bytes[id] = result.add("dequantize", {result.add("quantize", {id}, as_bytes, source)}, step, source);
  };
  for (const ValueId input : graph.inputs)
    if (inputs.count(input)) convert(input, "");
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = graph.nodes[i];
    for (ValueId& input : node.inputs)
      if (const auto found = bytes.find(input); found != bytes.end()) input = found->second;
    if (chosen.count(static_cast<int>(i))) {
      const torch::Tensor weight = graph.value(node.inputs[1]).constant;
      const double most = (1 << (kWeightBits - 1)) - 1;
      torch::Tensor scale = weight.abs().flatten(1).amax(1).to(torch::kFloat64) / most;
      scale = torch::where(scale > 0, scale, torch::ones_like(scale));
      std::vector<int64_t> shape(static_cast<size_t>(weight.dim()), 1);
      shape[0] = -1;
      const torch::Tensor steps = (weight.to(torch::kFloat64) / scale.view(shape)).round().clamp(-most, most);
      const ValueId stored = result.add_constant(steps.to(torch::kInt8), graph.value(node.inputs[1]).name);
      node.inputs[1] = result.add(
          "dequantize", {stored},
          {{"scale", std::vector<double>(scale.data_ptr<double>(), scale.data_ptr<double>() + scale.numel())},
           {"zero_point", std::vector<int64_t>(static_cast<size_t>(scale.numel()), 0)},
           {"axis", int64_t{0}}},
          node.source);
    }
    const std::string source = node.source;
    const auto outputs = node.outputs;
    result.nodes.push_back(std::move(node));
    for (const ValueId output : outputs)
      if (inputs.count(output)) convert(output, source);
  }
  return result;
}

Quantized quantize_model(const Graph& graph, const std::vector<Sample>& samples,
                         const std::function<double(const Graph&)>& loss, const QuantizeOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto ranges = calibrate(graph, samples, options.calibration);
  std::vector<int> layers = quantizable_layers(graph);
  Quantized result;
  const auto with = [&](const std::vector<int>& chosen) { return quantize(graph, ranges, chosen); };
  std::vector<torch::Tensor> reference;
  const size_t few = std::min(samples.size(), kSensitivitySamples);
  for (size_t s = 0; s < few; ++s) reference.push_back(evaluate_batch(graph, samples[s]));
  for (size_t i = 0; i < layers.size(); ++i) {
    if (options.progress) options.progress(static_cast<double>(i) / static_cast<double>(layers.size() + 1));
    const Graph one = with({layers[i]});
    double signal = 0, noise = 1e-30;
    for (size_t s = 0; s < few; ++s) {
      signal += reference[s].square().sum().item<double>();
      noise += (evaluate_batch(one, samples[s]) - reference[s]).square().sum().item<double>();
    }
    const Node& node = graph.nodes[static_cast<size_t>(layers[i])];
    result.layers.push_back(
        {node.source, multiply_adds(graph, node), 10 * std::log10(std::max(signal, 1e-30) / noise), true});
  }
  std::vector<size_t> order(layers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return result.layers[a].snr_db < result.layers[b].snr_db; });
  for (size_t taken_back = 0;; ++taken_back) {
    std::vector<int> chosen;
    for (size_t i = 0; i < layers.size(); ++i)
      if (result.layers[i].quantized) chosen.push_back(layers[i]);
    result.graph = with(chosen);
    result.loss = loss(result.graph);
    if (result.loss <= options.most_loss || chosen.empty()) break;
    result.layers[order[taken_back]].quantized = false;
  }
  double all = 0, quantized = 0;
  for (const Node& node : graph.nodes) all += multiply_adds(graph, node);
  for (const QuantizedLayer& layer : result.layers)
    if (layer.quantized) quantized += layer.multiply_adds;
  result.share = all > 0 ? quantized / all : 0;
  return result;
}

std::function<double(const Graph&)> disagreement(const Graph& reference, const std::vector<Sample>& samples) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> expected;
  for (const Sample& sample : samples) expected.push_back(evaluate(reference, sample).at(0).argmax(-1));
  return [expected, samples](const Graph& graph) {
    const torch::NoGradGuard none;
    double different = 0, all = 0;
    for (size_t s = 0; s < samples.size(); ++s) {
      const torch::Tensor now = evaluate(graph, samples[s]).at(0).argmax(-1);
      different += static_cast<double>(now.ne(expected[s]).sum().item<int64_t>());
      all += static_cast<double>(now.numel());
    }
    return different / all;
  };
}

}  // namespace lathe::compile
