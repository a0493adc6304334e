#include <ATen/ATen.h>

#include "lathe/compile/passes/affine.h"
#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile::rules {

// matmul(x, constant [K, N]) -> linear(x, constantᵀ)
std::optional<ValueId> linear_from_matmul(Rewriter& g, const Node& node, const Type& result) {
  if (node.op != "matmul" || (result.dtype != DType::f32 && result.dtype != DType::f64)) return std::nullopt;
  const Value weights = g.after.value(node.inputs[1]);
  if (!weights.is_constant() || weights.type.shape.size() != 2) return std::nullopt;
  const ValueId transposed = g.add_constant(weights.constant.t().contiguous(), weights.name);
  return g.add("linear", {node.inputs[0], transposed}, {}, node.source);
}

// layer(x) ∘ c, c ∘ layer(x) with ∘ one of + − · /, or −layer(x), c constant per channel or one number
// -> layer with other weights
std::optional<ValueId> affine_into_layer(Rewriter& g, const Node& node, const Type& result) {
  const bool negation = node.op == "neg";
  if (!negation && node.op != "add" && node.op != "sub" && node.op != "mul" && node.op != "div")
    return std::nullopt;
  const size_t which = negation || g.constant(node.inputs[1]).defined() ? 0 : 1;
  const ValueId y = node.inputs[which];
  const Node* layer = g.maker(y);
  const auto axis = layer ? channel_axis(*layer, result.shape) : std::nullopt;
  if (!axis || !(g.after.type(y) == result)) return std::nullopt;
  const torch::NoGradGuard no_grad;
  if (negation) {
    const torch::Tensor scale = torch::full({result.shape[*axis]}, -1.0, torch::kFloat64);
    return scale_layer(g, y, scale, {}, node.source);
  }
  const auto constant = along_axis(g.constant(node.inputs[1 - which]), result.shape, *axis);
  if (!constant) return std::nullopt;
  const torch::Tensor minus = -torch::ones_like(*constant);
  if (node.op == "add") return scale_layer(g, y, {}, *constant, node.source);
  if (node.op == "mul") return scale_layer(g, y, *constant, {}, node.source);
  if (node.op == "sub")
    return which == 0 ? scale_layer(g, y, {}, -*constant, node.source)
                      : scale_layer(g, y, minus, *constant, node.source);
  if (which == 0 && (*constant != 0).all().item<bool>())
    return scale_layer(g, y, 1 / *constant, {}, node.source);
  return std::nullopt;
}

}  // namespace lathe::compile::rules
