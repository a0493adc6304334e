#include <algorithm>
#include <limits>

#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile::rules {

// transpose(transpose(x, a), b) -> transpose(x, a∘b)
std::optional<ValueId> merge_transposes(Rewriter& g, const Node& node, const Type&) {
  if (node.op != "transpose") return std::nullopt;
  const Node* inner = g.maker(node.inputs[0], "transpose");
  if (!inner) return std::nullopt;
  const auto &first = inner->integers("axes"), &second = node.integers("axes");
  std::vector<int64_t> axes;
  for (const int64_t axis : second) axes.push_back(first[static_cast<size_t>(axis)]);
  const ValueId x = inner->inputs[0];
  return g.add("transpose", {x}, {{"axes", axes}}, joined(inner->source, node.source));
}

// reshape(reshape(x)) -> reshape(x);  a transpose that only moves axes of size 1 -> reshape
std::optional<ValueId> merge_reshapes(Rewriter& g, const Node& node, const Type& result) {
  if (node.op == "reshape") {
    const Node* inner = g.maker(node.inputs[0], "reshape");
    if (!inner) return std::nullopt;
    const ValueId x = inner->inputs[0];
    return g.add("reshape", {x}, {{"shape", result.shape}}, joined(inner->source, node.source));
  }
  if (node.op != "transpose") return std::nullopt;
  const Node* inner = g.maker(node.inputs[0], "reshape");
  const Shape& shape = g.after.type(node.inputs[0]).shape;
  std::vector<int64_t> long_axes;
  for (const int64_t axis : node.integers("axes"))
    if (shape[static_cast<size_t>(axis)] != 1) long_axes.push_back(axis);
  if (!inner || !std::is_sorted(long_axes.begin(), long_axes.end())) return std::nullopt;
  return g.add("reshape", {node.inputs[0]}, {{"shape", result.shape}}, node.source);
}

// conv(pad(x, zeros)) -> conv(x) with more padding; the same for avg_pool that counts its padding, and for
// max_pool of a pad with −∞. Only spatial axes, and no more than the pool's kernel reaches.
std::optional<ValueId> pad_into_window(Rewriter& g, const Node& node, const Type& result) {
  const bool average = node.op == "avg_pool", maximum = node.op == "max_pool";
  if (node.op != "conv" && !average && !maximum) return std::nullopt;
  const Node* pad = g.maker(node.inputs[0], "pad");
  if (!pad || pad->text("mode") != "constant") return std::nullopt;
  const double value = pad->number("value", 0);
  if (maximum ? value != -std::numeric_limits<double>::infinity() : value != 0) return std::nullopt;
  const auto &before = pad->integers("before"), &after = pad->integers("after");
  if (before[0] != 0 || before[1] != 0 || after[0] != 0 || after[1] != 0) return std::nullopt;
  const size_t spatial = result.shape.size() - 2;
  std::vector<int64_t> padding = node.integers("padding");
  const bool unpadded = std::all_of(padding.begin(), padding.end(), [](int64_t p) { return p == 0; });
  if (average && !(node.integer("count_include_pad") != 0 || unpadded)) return std::nullopt;
  for (size_t i = 0; i < spatial; ++i) {
    padding[i] += before[2 + i];
    padding[spatial + i] += after[2 + i];
    if (node.op == "conv") continue;
    const int64_t dilation = maximum ? node.integers("dilation")[i] : 1;
    const int64_t reach = dilation * (node.integers("kernel")[i] - 1) + 1;
    const bool extra = node.has("extra") && node.integers("extra")[i] > 0;
    if (extra || padding[i] >= reach || padding[spatial + i] >= reach) return std::nullopt;
  }
  auto inputs = node.inputs;
  inputs[0] = pad->inputs[0];
  auto attributes = node.attributes;
  attributes["padding"] = padding;
  if (average) attributes["count_include_pad"] = int64_t{1};
  return g.add(node.op, inputs, attributes, joined(pad->source, node.source));
}

}  // namespace lathe::compile::rules
