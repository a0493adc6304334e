#include <ATen/ATen.h>

#include <numeric>

#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile::rules {
namespace {

constexpr double kForbidding = -1e30;  // a logit this low has no weight

// Takes products and quotients with one number off a value.
ValueId unscaled(const Rewriter& g, ValueId id, double& scale) {
  while (const Node* node = g.read_once(id) ? g.maker(id) : nullptr) {
    const bool product = node->op == "mul", quotient = node->op == "div";
    if (!product && !quotient) break;
    const size_t which = g.scalar(node->inputs[1]) ? 0 : 1;
    const auto number = g.scalar(node->inputs[1 - which]);
    if (!number || (quotient && (which == 1 || *number == 0))) break;
    if (g.after.type(node->inputs[which]).shape != g.after.type(id).shape) break;
    scale *= product ? *number : 1 / *number;
    id = node->inputs[which];
  }
  return id;
}

// Whether a mask is 0 on and below the diagonal and forbids all above it.
bool is_causal(const torch::Tensor& mask) {
  if (!mask.defined() || mask.dim() < 2 || mask.numel() != mask.size(-1) * mask.size(-2) || mask.numel() < 4)
    return false;
  const torch::Tensor square = mask.reshape({mask.size(-2), mask.size(-1)});
  const torch::Tensor seen = torch::ones_like(square, torch::kBool).tril();
  return (square.masked_select(seen) == 0).all().item<bool>() &&
         (square.masked_select(seen.logical_not()) <= kForbidding).all().item<bool>();
}

struct Mask {
  ValueId logits, value = -1;  // what is masked, and what is added to it; -1: nothing
  torch::Tensor constant;      // the addend of a where(condition, …)
};

// logits + mask, or where(constant condition, logits, −∞) and its mirror image.
Mask mask_of(const Rewriter& g, ValueId id) {
  const Node* node = g.read_once(id) ? g.maker(id) : nullptr;
  const auto shaped = [&](ValueId other) { return g.after.type(other).shape == g.after.type(id).shape; };
  if (node && node->op == "add")
    for (size_t i = 0; i < 2; ++i) {
      const Node* logits = g.maker(node->inputs[i]);
      const bool scores = logits && (logits->op == "matmul" || logits->op == "mul" || logits->op == "div");
      if (scores && shaped(node->inputs[i])) return {node->inputs[i], node->inputs[1 - i], {}};
    }
  if (node && node->op == "where" && g.constant(node->inputs[0]).defined())
    for (size_t i = 1; i < 3; ++i) {
      const auto forbidden = g.scalar(node->inputs[3 - i]);
      if (!forbidden || *forbidden > kForbidding || !shaped(node->inputs[i])) continue;
      const torch::Tensor& condition = g.constant(node->inputs[0]);
      const torch::Tensor hidden = i == 1 ? condition.logical_not() : condition;
      const torch::Tensor zeros = torch::zeros(hidden.sizes(), scalar_type(g.after.type(id).dtype));
      return {node->inputs[i], -1, zeros.masked_fill(hidden, *forbidden)};
    }
  return {id, -1, {}};
}

}  // namespace

// matmul(softmax(scale · matmul(q, transpose(k)) + mask), v) -> attention(q, k, v, mask); the scale may be on
// q or k too, and the transpose that turns k may be part of another. Nobody else may read what is between.
std::optional<ValueId> recognise_attention(Rewriter& g, const Node& node, const Type& result) {
  if (node.op != "matmul" || result.dtype != DType::f32) return std::nullopt;
  const Node* softmax = g.read_once(node.inputs[0]) ? g.maker(node.inputs[0], "softmax") : nullptr;
  if (!softmax) return std::nullopt;
  const Shape& weights = g.after.type(node.inputs[0]).shape;
  if (softmax->integer("axis") + 1 != static_cast<int64_t>(weights.size())) return std::nullopt;
  const torch::NoGradGuard no_grad;
  const Mask mask = mask_of(g, softmax->inputs[0]);
  double scale = 1;
  const ValueId scores = unscaled(g, mask.logits, scale);
  const Node* product = g.read_once(scores) ? g.maker(scores, "matmul") : nullptr;
  if (!product || g.after.type(scores).shape != weights) return std::nullopt;
  const ValueId q = unscaled(g, product->inputs[0], scale);
  const ValueId turned = unscaled(g, product->inputs[1], scale);
  const Node* transpose = g.maker(turned, "transpose");
  const bool constant = g.constant(turned).defined();
  if (!transpose && !constant) return std::nullopt;
  const std::string source = joined(joined(product->source, softmax->source), node.source);

  std::vector<int64_t> axes(g.after.type(turned).shape.size());
  std::iota(axes.begin(), axes.end(), int64_t{0});
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  ValueId keys = turned;
  if (constant) {
    keys = g.add_constant(g.constant(turned).permute(axes).contiguous());
  } else {
    for (int64_t& axis : axes) axis = transpose->integers("axes")[static_cast<size_t>(axis)];
    keys = transpose->inputs[0];
    const std::string turning = transpose->source;
    if (!std::is_sorted(axes.begin(), axes.end()))
      keys = g.add("transpose", {keys}, {{"axes", axes}}, turning);
  }
  std::vector<ValueId> inputs{q, keys, node.inputs[1]};
  const torch::Tensor added = mask.value >= 0 ? g.constant(mask.value) : mask.constant;
  const bool causal = is_causal(added);
  if (!causal && mask.value >= 0) inputs.push_back(mask.value);
  if (!causal && mask.constant.defined()) inputs.push_back(g.add_constant(mask.constant));
  return g.add("attention", inputs, {{"scale", scale}, {"causal", int64_t{causal}}}, source);
}

}  // namespace lathe::compile::rules
