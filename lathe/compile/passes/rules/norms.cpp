#include <algorithm>

#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile::rules {
namespace {

// How many of the last axes a mean with keepdims runs over; 0 for anything else.
int64_t last_axes(const Rewriter& g, const Node* mean) {
  if (!mean || mean->op != "mean" || mean->integer("keepdims") == 0) return 0;
  std::vector<int64_t> axes = mean->integers("axes");
  std::sort(axes.begin(), axes.end());
  const auto rank = static_cast<int64_t>(g.after.type(mean->inputs[0]).shape.size());
  const auto count = static_cast<int64_t>(axes.size());
  for (int64_t i = 0; i < count; ++i)
    if (axes[static_cast<size_t>(i)] != rank - count + i) return 0;
  return count;
}

// What a node squares: square(x), x · x or x².
std::optional<ValueId> squared(const Rewriter& g, ValueId id) {
  const Node* node = g.maker(id);
  if (!node) return std::nullopt;
  if (node->op == "square") return node->inputs[0];
  if (node->op == "mul" && node->inputs[0] == node->inputs[1]) return node->inputs[0];
  if (node->op == "pow" && g.scalar(node->inputs[1]) == 2.0) return node->inputs[0];
  return std::nullopt;
}

// The d and ε of √(mean(d²) + ε), and the axes of the mean.
struct Deviation {
  ValueId centred;
  double eps;
  int64_t axes;
};
std::optional<Deviation> deviation(const Rewriter& g, ValueId variance) {
  const Node* sum = g.maker(variance, "add");
  for (size_t i = 0; sum && i < 2; ++i) {
    const auto eps = g.scalar(sum->inputs[i]);
    const Node* mean = g.maker(sum->inputs[1 - i]);
    const int64_t axes = eps ? last_axes(g, mean) : 0;
    const auto centred = axes > 0 ? squared(g, mean->inputs[0]) : std::nullopt;
    if (centred) return Deviation{*centred, *eps, axes};
  }
  return std::nullopt;
}

// x of x − mean(x) over the last axes.
std::optional<ValueId> uncentred(const Rewriter& g, ValueId id, int64_t axes) {
  const Node* difference = g.maker(id, "sub");
  if (!difference) return std::nullopt;
  const Node* mean = g.maker(difference->inputs[1]);
  if (last_axes(g, mean) != axes || mean->inputs[0] != difference->inputs[0]) return std::nullopt;
  return difference->inputs[0];
}

}  // namespace

// d / √(mean(d²) + ε) or d · rsqrt(mean(d²) + ε), d = x − mean(x), means over the last axes -> layer_norm(x)
std::optional<ValueId> recognise_layer_norm(Rewriter& g, const Node& node, const Type& result) {
  if ((node.op != "div" && node.op != "mul") || result.dtype != DType::f32) return std::nullopt;
  for (size_t i = 0; i < (node.op == "div" ? 1u : 2u); ++i) {
    const Node* root = g.maker(node.inputs[1 - i], node.op == "div" ? "sqrt" : "rsqrt");
    const auto d = root ? deviation(g, root->inputs[0]) : std::nullopt;
    const auto x = d && d->centred == node.inputs[i] ? uncentred(g, node.inputs[i], d->axes) : std::nullopt;
    if (x) return g.add("layer_norm", {*x}, {{"num_axes", d->axes}, {"eps", d->eps}}, node.source);
  }
  return std::nullopt;
}

// layer_norm(x) · constant, layer_norm(x, γ) + constant, of the normalized axes' shape -> layer_norm(x, γ, β)
std::optional<ValueId> affine_into_norm(Rewriter& g, const Node& node, const Type&) {
  const bool product = node.op == "mul";
  if (!product && node.op != "add") return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const Node* made = g.read_once(node.inputs[i]) ? g.maker(node.inputs[i], "layer_norm") : nullptr;
    if (!made || made->inputs.size() != (product ? 1u : 2u)) continue;
    const Shape& shape = g.after.type(node.inputs[i]).shape;
    const Shape normalized(shape.end() - made->integer("num_axes"), shape.end());
    if (!g.constant(node.inputs[1 - i]).defined() || g.after.type(node.inputs[1 - i]).shape != normalized)
      continue;
    Node norm = *made;
    norm.inputs.push_back(node.inputs[1 - i]);
    return g.add("layer_norm", norm.inputs, norm.attributes, joined(norm.source, node.source));
  }
  return std::nullopt;
}

}  // namespace lathe::compile::rules
