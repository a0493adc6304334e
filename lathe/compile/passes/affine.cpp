#include "lathe/compile/passes/affine.h"

#include <ATen/ATen.h>

namespace lathe::compile {

std::optional<torch::Tensor> along_axis(const torch::Tensor& constant, const Shape& shape, size_t axis) {
  if (!constant.defined() || !constant.is_floating_point()) return std::nullopt;
  const auto rank = static_cast<size_t>(constant.dim());
  if (rank > shape.size()) return std::nullopt;
  const size_t missing = shape.size() - rank;
  for (size_t i = 0; i < rank; ++i) {
    const int64_t size = constant.size(static_cast<int64_t>(i));
    if (size != 1 && (missing + i != axis || size != shape[axis])) return std::nullopt;
  }
  return constant.to(torch::kFloat64).reshape({-1}).expand({shape[axis]}).contiguous();
}

std::optional<size_t> channel_axis(const Node& layer, const Shape& output) {
  if (layer.op == "linear") return output.size() - 1;
  if (layer.op == "conv" || layer.op == "conv_transpose") return 1;
  return std::nullopt;
}

namespace {

torch::Tensor scaled_weights(const Node& layer, const torch::Tensor& weights, const torch::Tensor& scale) {
  const torch::Tensor wide = weights.to(torch::kFloat64);
  std::vector<int64_t> shape(static_cast<size_t>(weights.dim()), 1);
  if (layer.op != "conv_transpose") {
    shape[0] = -1;
    return wide * scale.reshape(shape);
  }
  // [C, O/groups, k…]: the inputs of a group share its outputs.
  const int64_t groups = layer.integer("groups");
  std::vector<int64_t> split = weights.sizes().vec();
  split[0] /= groups;
  split.insert(split.begin(), groups);
  shape.insert(shape.begin(), 1);
  shape[0] = groups, shape[2] = weights.size(1);
  return (wide.reshape(split) * scale.reshape(shape)).reshape(weights.sizes());
}

}  // namespace

std::optional<ValueId> scale_layer(Rewriter& g, ValueId y, const torch::Tensor& scale,
                                   const torch::Tensor& shift, const std::string& source) {
  const Node* made = g.maker(y);
  if (!made || !channel_axis(*made, g.after.type(y).shape) || !g.read_once(y)) return std::nullopt;
  for (size_t i = 1; i < made->inputs.size(); ++i)
    if (!g.constant(made->inputs[i]).defined()) return std::nullopt;
  const Node layer = *made;
  const torch::NoGradGuard no_grad;
  const Value weights = g.after.value(layer.inputs[1]);
  std::vector<ValueId> inputs{layer.inputs[0], layer.inputs[1]};
  if (scale.defined())
    inputs[1] = g.add_constant(
        scaled_weights(layer, weights.constant, scale).to(weights.constant.scalar_type()), weights.name);
  torch::Tensor bias;
  std::string bias_name;
  if (layer.inputs.size() > 2) {
    const Value& old = g.after.value(layer.inputs[2]);
    bias = old.constant.to(torch::kFloat64);
    if (scale.defined()) bias = bias * scale;
    bias_name = old.name;
  }
  if (shift.defined()) bias = bias.defined() ? bias + shift : shift;
  if (bias.defined()) inputs.push_back(g.add_constant(bias.to(weights.constant.scalar_type()), bias_name));
  return g.add(layer.op, inputs, layer.attributes, joined(layer.source, source));
}

}  // namespace lathe::compile
