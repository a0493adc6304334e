#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lathe/compile/graph.h"

namespace lathe::compile {

// Post-training quantization to bytes. Activations become u8 with one scale s and zero point z for a value,
// weights i8 with a scale for each output channel and no zero point:
//   x ≈ s (q − z), s = (high − low) / 255, z = round(−low / s), low <= 0 <= high;   w ≈ s_o q, s_o = max|w_o|
//   / q_max
// The quantized graph says so with `quantize` and `dequantize` nodes around its layers; optimize() makes sums
// of integers of them (use_integer_layers). Biases stay in floating point.

// How a value's range is found from samples.
enum class Calibration {
  min_max,
  percentile,  // without the outermost 0.01 % on either side; the default
  // The threshold T of |x| ≠ 0 whose 128 levels lose the least information (2048 bins); [−T, T], cut to what
  // occurs.
  kl
};
Calibration calibration_of(std::string_view name);  // "min_max", "percentile", "kl"; throws InputError

// The inputs of one run of the graph.
using Sample = std::vector<torch::Tensor>;

struct Range {
  double low = 0, high = 0;
};
// Of every floating-point value that a layer of quantizable_layers reads. Throws InputError when there are no
// samples, when they hold NaN or ∞, and when an input of the graph is the same number throughout.
std::map<ValueId, Range> calibrate(const Graph& graph, const std::vector<Sample>& samples,
                                   Calibration calibration = Calibration::percentile);

// Indices of the nodes that have integer kernels: convolutions of images that are depthwise, or have one
// group and either a multiple of four channels or fewer than four and a kernel at least four wide; linear
// layers. f32, with constant weights.
std::vector<int> quantizable_layers(const Graph& graph);
// Multiply-adds of a convolution or linear layer (grouped and transposed ones too), 0 for other nodes.
double multiply_adds(const Graph& graph, const Node& node);

// Products of bytes are added in pairs of 16 bits (vpmaddubsw), which weights of seven bits never overflow.
// Kernels for weights that do are slower.
constexpr int kWeightBits = 7;

// The graph with these layers quantized. All readers of a quantized value read the quantized one.
Graph quantize(const Graph& graph, const std::map<ValueId, Range>& ranges, const std::vector<int>& layers);

struct QuantizedLayer {
  std::string source;
  double multiply_adds = 0;
  double snr_db =
      0;  // of the graph's first output when only this layer is quantized: 10 log10(Σ y² / Σ (y − ŷ)²)
  bool quantized = true;
};
struct Quantized {
  Graph graph;
  std::vector<QuantizedLayer> layers;  // in the graph's order
  double share = 0;                    // of all multiply-adds, in quantized layers
  double loss = 0;                     // of what is quantized in the end
};
struct QuantizeOptions {
  Calibration calibration = Calibration::percentile;
  double most_loss = 0.01;
  std::function<void(double fraction)> progress;  // may be empty
};
// Quantizes all layers that can be, then takes back the most sensitive ones, lowest snr_db first, until
// loss(graph) <= most_loss. `graph` is a result of optimize().
Quantized quantize_model(const Graph& graph, const std::vector<Sample>& samples,
                         const std::function<double(const Graph&)>& loss,
                         const QuantizeOptions& options = {});
// Share of the samples whose largest output (of the first output's last axis) is another than `reference`'s.
std::function<double(const Graph&)> disagreement(const Graph& reference, const std::vector<Sample>& samples);

}  // namespace lathe::compile
