#include "lathe/compile/passes/layout_model.h"

#include <algorithm>

#include "lathe/compile/op.h"

namespace lathe::compile {
namespace {

constexpr double kBandwidth = 20e9;     // bytes a second and thread, beyond L2
constexpr double kEfficiency = 0.7;     // of the peak
constexpr double kFlopsPerLane = 16e9;  // two fused multiply-adds a cycle at 4 GHz
constexpr double kPlainPenalty = 4;     // arithmetic on plain images against blocked ones
constexpr double kLaunch = 5e-6;        // of one more kernel
constexpr int64_t kFewestChannels = 4;  // that a convolution reads blocked

bool is_image(const Type& type) {
  const bool fits = type.dtype == DType::f32 || type.dtype == DType::u8 || type.dtype == DType::i32;
  return fits && type.shape.size() == 4;
}

bool is_float_image(const Type& type) {
  return is_image(type) && type.dtype == DType::f32;
}

int64_t padded(int64_t channels, int block) {
  return (channels + block - 1) / block * block;
}

// [1, C, 1, 1] or [C, 1, 1].
bool is_per_channel(const Shape& shape, int64_t channels) {
  return shape == Shape{1, channels, 1, 1} || shape == Shape{channels, 1, 1};
}

// A number for each channel that the network computes, as squeeze-and-excite does: [N or 1, C, 1, 1].
bool is_channel_factor(const Type& type, const Shape& out) {
  return is_image(type) && out.size() == 4 && type.numel() > 1 &&
         (type.shape[0] == 1 || type.shape[0] == out[0]) && type.shape[1] == out[1] && type.shape[2] == 1 &&
         type.shape[3] == 1;
}

bool has_constant_weights(const Graph& graph, const Node& node) {
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (!graph.value(node.inputs[i]).is_constant()) return false;
  return true;
}

bool is_blockable_elementwise(const Graph& graph, const Node& node) {
  const Type& out = graph.type(node.outputs[0]);
  bool any = false;
  for (const ValueId input : node.inputs) {
    const Value& value = graph.value(input);
    if (value.type.shape == out.shape && is_image(value.type) && !value.is_constant())
      any = true;
    else if (!value.is_constant() && is_channel_factor(value.type, out.shape))
      continue;
    else if (value.type.dtype != DType::f32 ||
             !(value.type.numel() == 1 ||
               (value.is_constant() && is_per_channel(value.type.shape, out.shape[1]))))
      return false;
  }
  return any;
}

bool is_blockable_concat(const Graph& graph, const Node& node, int block) {
  if (node.integer("axis") != 1) return false;
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
    return !graph.value(input).is_constant() && graph.type(input).shape[1] % block == 0;
  });
}

bool is_spatial_mean(const Node& node) {
  auto axes = node.integers("axes");
  std::sort(axes.begin(), axes.end());
  return axes == std::vector<int64_t>{2, 3} && node.integer("keepdims") != 0;
}

bool is_blockable(const Graph& graph, const Node& node, int block) {
  if (node.outputs.size() != 1 || node.inputs.empty() || block < 2) return false;
  const Type &in = graph.type(node.inputs[0]), &out = graph.type(node.outputs[0]);
  if (!is_image(out)) return false;
  if (is_elementwise(node.op)) return is_blockable_elementwise(graph, node);
  if (!is_image(in)) return false;
  if (node.op == "conv_integer") return has_constant_weights(graph, node) && has_integer_kernel(graph, node);
  if (!is_float_image(in)) return false;
  if (node.op == "conv")
    return has_constant_weights(graph, node) &&
           (node.integer("groups") == 1 || is_depthwise(node, in.shape, out.shape));
  if (node.op == "concat") return is_blockable_concat(graph, node, block);
  if (node.op == "mean") return is_spatial_mean(node);
  return node.op == "max_pool" || node.op == "avg_pool" || node.op == "adaptive_avg_pool" ||
         node.op == "resize";
}

double seconds(const Graph& graph, const Node& node, const Target& target, Form from, Form to) {
  const int lanes = target.vector_floats();
  const auto channels = [&](const Shape& shape, Form form) {
    return form == Form::blocked ? padded(shape[1], lanes) : shape[1];
  };
  const Shape& out = graph.type(node.outputs[0]).shape;
  const double pixels = static_cast<double>(out[0] * out[2] * out[3]);
  double operations = 1, bytes = 4 * pixels * static_cast<double>(channels(out, to));
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Type& type = graph.type(node.inputs[i]);
    bytes += static_cast<double>(storage_bytes(
        type, follows_mode(graph, node, i) && from == Form::blocked ? Layout{lanes, {}} : Layout{}));
  }
  if (node.op == "conv" || node.op == "conv_integer") {
    const Shape &weights = graph.type(node.inputs[1]).shape, &in = graph.type(node.inputs[0]).shape;
    const int64_t inner = node.integer("groups") == 1 ? channels(in, from) : 1;
    operations = 2 * static_cast<double>(inner * weights[2] * weights[3]);
  } else if (node.op == "max_pool" || node.op == "avg_pool") {
    const auto& kernel = node.integers("kernel");
    operations = static_cast<double>(kernel[0] * kernel[1]);
  } else if (node.op == "mean" || node.op == "adaptive_avg_pool") {
    operations = static_cast<double>(graph.type(node.inputs[0]).numel()) /
                 static_cast<double>(graph.type(node.outputs[0]).numel());
  }
  const double flops = operations * pixels * static_cast<double>(channels(out, to));
  const bool streams = is_elementwise(node.op) || node.op == "concat";
  const double penalty = to == Form::plain && !streams ? kPlainPenalty : 1;
  return std::max(penalty * flops / (kFlopsPerLane * lanes) / kEfficiency, bytes / kBandwidth);
}

}  // namespace

bool has_integer_kernel(const Graph& graph, const Node& node) {
  const Shape &in = graph.type(node.inputs[0]).shape, &kernel = graph.type(node.inputs[1]).shape;
  if (in.size() != 4) return false;
  if (node.integer("groups") != 1) return is_depthwise(node, in, graph.type(node.outputs[0]).shape);
  const bool along_rows = in[1] < kFewestChannels && kernel[3] >= 4 && node.integers("dilation")[1] == 1;
  return in[1] % 4 == 0 || along_rows;
}

bool follows_mode(const Graph& graph, const Node& node, size_t input) {
  const Value& value = graph.value(node.inputs[input]);
  if (value.is_constant()) return false;
  if (is_elementwise(node.op)) {
    const Shape& out = graph.type(node.outputs[0]).shape;
    return value.type.shape == out || is_channel_factor(value.type, out);
  }
  return node.op == "concat" || input == 0;
}

std::vector<Mode> layout_modes(const Graph& graph, const Node& node, const Target& target) {
  if (!is_blockable(graph, node, target.vector_floats())) return {Mode{}};
  const auto mode = [&](Form in, Form out) { return Mode{in, out, seconds(graph, node, target, in, out)}; };
  std::vector<Mode> modes{mode(Form::plain, Form::plain)};
  const bool dense = (node.op == "conv" || node.op == "conv_integer") && node.integer("groups") == 1;
  const int64_t channels = dense ? graph.type(node.inputs[0]).shape[1] : 0;
  const int64_t few = node.op == "conv" ? target.vector_floats() : kFewestChannels;
  if (dense && channels < few) modes.push_back(mode(Form::plain, Form::blocked));
  if (!dense || channels >= kFewestChannels) modes.push_back(mode(Form::blocked, Form::blocked));
  return modes;
}

double layout_change_seconds(const Type& type, int block) {
  const auto bytes = storage_bytes(type, {}) + storage_bytes(type, {block, {}});
  return static_cast<double>(bytes) / kBandwidth + kLaunch;
}

}  // namespace lathe::compile
