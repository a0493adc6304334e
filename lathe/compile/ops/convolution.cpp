#include <torch/torch.h>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

struct Window {
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups;
};

Window window(const Node& node, size_t spatial) {
  Window window{integers(node, "stride", spatial, 1), integers(node, "padding", 2 * spatial, 0),
                integers(node, "dilation", spatial, 1), node.integer("groups")};
  if (window.groups < 1) refuse(node, "groups is {}, must be positive", window.groups);
  return window;
}

void want_bias(const Node& node, const Types& types, int64_t channels) {
  if (types.size() > 2) want_shape(node, types[2], "b", {channels});
}

size_t want_images(const Node& node, const Types& types) {
  want_float(node, types[0], "x");
  want_same_dtype(node, types);
  want_rank(node, types[0], "x", 3);
  if (types[0].shape.size() > 5)
    refuse(node, "x is {}, has more than 3 spatial axes", compile::to_string(types[0]));
  if (types[1].shape.size() != types[0].shape.size())
    refuse(node, "w is {} and x is {}; they must have as many axes", compile::to_string(types[1]),
           compile::to_string(types[0]));
  return types[0].shape.size() - 2;
}

Types conv_types(const Node& node, const Types& types) {
  const size_t spatial = want_images(node, types);
  const Window w = window(node, spatial);
  const Shape &x = types[0].shape, &kernel = types[1].shape;
  if (x[1] % w.groups != 0 || kernel[0] % w.groups != 0 || kernel[1] != x[1] / w.groups)
    refuse(node,
           "w is {} and x is {} with groups = {}; w must be [O, {} / {}, …] with O a multiple of groups",
           compile::to_string(types[1]), compile::to_string(types[0]), w.groups, x[1], w.groups);
  want_bias(node, types, kernel[0]);
  Shape out = {x[0], kernel[0]};
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t room =
        x[2 + i] + w.padding[i] + w.padding[spatial + i] - w.dilation[i] * (kernel[2 + i] - 1) - 1;
    if (room < 0 || kernel[2 + i] < 1)
      refuse(node, "its kernel {} with dilation {} does not fit into x {} with padding {}", to_string(kernel),
             to_string(w.dilation), compile::to_string(types[0]), to_string(w.padding));
    out.push_back(room / w.stride[i] + 1);
  }
  return {{types[0].dtype, out}};
}

// constant_pad_nd wants the last axis first, begin and end of each.
std::vector<int64_t> pad_list(const std::vector<int64_t>& begins_ends, size_t spatial) {
  std::vector<int64_t> list;
  for (size_t i = spatial; i-- > 0;) list.insert(list.end(), {begins_ends[i], begins_ends[spatial + i]});
  return list;
}

Tensors conv(const Node& node, const Tensors& inputs) {
  const size_t spatial = static_cast<size_t>(inputs[0].dim()) - 2;
  const Window w = window(node, spatial);
  const auto bias = inputs.size() > 2 ? c10::optional<torch::Tensor>(inputs[2]) : c10::nullopt;
  const std::vector<int64_t> zeros(spatial, 0);
  return {at::convolution(at::constant_pad_nd(inputs[0], pad_list(w.padding, spatial)), inputs[1], bias,
                          w.stride, zeros, w.dilation, /*transposed=*/false, zeros, w.groups)};
}

Types conv_integer_types(const Node& node, const Types& types) {
  want_bytes(node, types);
  const Types floats = {{DType::f32, types[0].shape}, {DType::f32, types[1].shape}};
  return {{DType::i32, conv_types(node, floats)[0].shape}};
}

// Sums of integers below 2^53 are exact in f64.
Tensors conv_integer(const Node& node, const Tensors& inputs) {
  const torch::Tensor x = inputs[0].to(torch::kFloat64) - static_cast<double>(node.integer("zero_point"));
  return {conv(node, {x, inputs[1].to(torch::kFloat64)})[0].to(torch::kInt32)};
}

Types conv_transpose_types(const Node& node, const Types& types) {
  const size_t spatial = want_images(node, types);
  const Window w = window(node, spatial);
  const auto extra = integers(node, "output_padding", spatial, 0);
  const Shape &x = types[0].shape, &kernel = types[1].shape;
  if (kernel[0] != x[1] || x[1] % w.groups != 0)
    refuse(node, "w is {} and x is {} with groups = {}; w must be [{}, O / groups, …], and groups divide {}",
           compile::to_string(types[1]), compile::to_string(types[0]), w.groups, x[1], x[1]);
  want_bias(node, types, kernel[1] * w.groups);
  Shape out = {x[0], kernel[1] * w.groups};
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t size = (x[2 + i] - 1) * w.stride[i] - w.padding[i] - w.padding[spatial + i] +
                         w.dilation[i] * (kernel[2 + i] - 1) + 1 + extra[i];
    if (size < 1) refuse(node, "its padding {} leaves nothing of the output", to_string(w.padding));
    out.push_back(size);
  }
  return {{types[0].dtype, out}};
}

Tensors conv_transpose(const Node& node, const Tensors& inputs) {
  const size_t spatial = static_cast<size_t>(inputs[0].dim()) - 2;
  const Window w = window(node, spatial);
  const auto extra = integers(node, "output_padding", spatial, 0);
  const std::vector<int64_t> zeros(spatial, 0);
  torch::Tensor full = at::convolution(inputs[0], inputs[1], {}, w.stride, zeros, w.dilation,
                                       /*transposed=*/true, zeros, w.groups);
  std::vector<int64_t> crop = w.padding;
  for (size_t i = 0; i < spatial; ++i) crop[i] = -crop[i], crop[spatial + i] = extra[i] - crop[spatial + i];
  full = at::constant_pad_nd(full, pad_list(crop, spatial));
  if (inputs.size() > 2) {
    std::vector<int64_t> shape(spatial + 1, 1);
    shape[0] = -1;
    full = full + inputs[2].reshape(shape);
  }
  return {full};
}

}  // namespace

void add_convolution_ops(Table& table) {
  add(table, {.name = "conv",
              .kind = OpClass::complex,
              .min_inputs = 2,
              .max_inputs = 3,
              .infer = conv_types,
              .evaluate = conv});
  add(table, {.name = "conv_integer",
              .kind = OpClass::complex,
              .min_inputs = 2,
              .max_inputs = 2,
              .infer = conv_integer_types,
              .evaluate = conv_integer});
  add(table, {.name = "conv_transpose",
              .kind = OpClass::complex,
              .min_inputs = 2,
              .max_inputs = 3,
              .infer = conv_transpose_types,
              .evaluate = conv_transpose});
}

}  // namespace lathe::compile::ops
