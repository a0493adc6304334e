#include <torch/torch.h>

#include <cmath>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

void want_norm(const Node& node, const Types& types, size_t least_rank) {
  want_float(node, types[0], "x");
  want_same_dtype(node, types);
  want_rank(node, types[0], "x", least_rank);
  const double eps = node.number("eps");
  if (!(eps >= 0) || std::isinf(eps)) refuse(node, "eps is {}, must not be negative", eps);
}

// [C] as [C, 1, …] of x's spatial axes.
torch::Tensor along_channels(const torch::Tensor& values, const torch::Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()) - 1, 1);
  shape[0] = -1;
  return values.reshape(shape);
}

Types batch_norm_types(const Node& node, const Types& types) {
  static const char* const kNames[] = {"x", "gamma", "beta", "mean", "variance"};
  want_norm(node, types, 2);
  for (size_t i = 1; i < types.size(); ++i) want_shape(node, types[i], kNames[i], {types[0].shape[1]});
  return {types[0]};
}

Tensors batch_norm(const Node& node, const Tensors& inputs) {
  const torch::Tensor& x = inputs[0];
  const torch::Tensor scale = inputs[1] / (inputs[4] + node.number("eps")).sqrt();
  return {(x - along_channels(inputs[3], x)) * along_channels(scale, x) + along_channels(inputs[2], x)};
}

// (x − mean) / sqrt(variance + eps) over some axes.
torch::Tensor standardized(const torch::Tensor& x, const std::vector<int64_t>& axes, double eps) {
  const torch::Tensor centered = x - x.mean(axes, /*keepdim=*/true);
  return centered / ((centered * centered).mean(axes, /*keepdim=*/true) + eps).sqrt();
}

Types layer_norm_types(const Node& node, const Types& types) {
  want_norm(node, types, 1);
  const int64_t count = node.integer("num_axes"), rank = static_cast<int64_t>(types[0].shape.size());
  if (count < 1 || count > rank)
    refuse(node, "num_axes is {}, must be at least 1 and at most {}", count, rank);
  const Shape last(types[0].shape.end() - count, types[0].shape.end());
  if (types.size() > 1) want_shape(node, types[1], "gamma", last);
  if (types.size() > 2) want_shape(node, types[2], "beta", last);
  return {types[0]};
}

Tensors layer_norm(const Node& node, const Tensors& inputs) {
  std::vector<int64_t> axes;
  for (int64_t i = 1; i <= node.integer("num_axes"); ++i) axes.push_back(-i);
  torch::Tensor result = standardized(inputs[0], axes, node.number("eps"));
  if (inputs.size() > 1) result = result * inputs[1];
  if (inputs.size() > 2) result = result + inputs[2];
  return {result};
}

void want_channel_scales(const Node& node, const Types& types) {
  if (types.size() > 1) want_shape(node, types[1], "gamma", {types[0].shape[1]});
  if (types.size() > 2) want_shape(node, types[2], "beta", {types[0].shape[1]});
}

Types group_norm_types(const Node& node, const Types& types) {
  want_norm(node, types, 2);
  const int64_t groups = node.integer("groups");
  if (groups < 1 || types[0].shape[1] % groups != 0)
    refuse(node, "groups is {}, must divide the {} channels of x {}", groups, types[0].shape[1],
           compile::to_string(types[0]));
  want_channel_scales(node, types);
  return {types[0]};
}

Types instance_norm_types(const Node& node, const Types& types) {
  want_norm(node, types, 3);
  want_channel_scales(node, types);
  return {types[0]};
}

Tensors grouped(const Tensors& inputs, int64_t groups, double eps) {
  const torch::Tensor& x = inputs[0];
  torch::Tensor result = standardized(x.reshape({x.size(0), groups, -1}), {2}, eps).reshape(x.sizes());
  if (inputs.size() > 1) result = result * along_channels(inputs[1], x);
  if (inputs.size() > 2) result = result + along_channels(inputs[2], x);
  return {result};
}

}  // namespace

void add_normalization_ops(Table& table) {
  add(table, {.name = "batch_norm",
              .kind = OpClass::injective,
              .min_inputs = 5,
              .max_inputs = 5,
              .infer = batch_norm_types,
              .evaluate = batch_norm});
  const auto one = [&](const char* name, Infer infer, Evaluate evaluate) {
    add(table, {.name = name,
                .kind = OpClass::reduction,
                .min_inputs = 1,
                .max_inputs = 3,
                .infer = std::move(infer),
                .evaluate = std::move(evaluate)});
  };
  one("layer_norm", layer_norm_types, layer_norm);
  one("group_norm", group_norm_types, [](const Node& node, const Tensors& inputs) {
    return grouped(inputs, node.integer("groups"), node.number("eps"));
  });
  one("instance_norm", instance_norm_types, [](const Node& node, const Tensors& inputs) {
    return grouped(inputs, inputs[0].size(1), node.number("eps"));
  });
}

}  // namespace lathe::compile::ops
