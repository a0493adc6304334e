#include "lathe/compile/codegen/prepare.h"

#include <algorithm>
#include <set>

#include "lathe/compile/codegen/implementations.h"
#include "lathe/compile/op.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

// Rebuilds a graph node by node: `rewrite` may emit other nodes in place of one and says what its outputs are
// now.
class Rebuild {
 public:
  explicit Rebuild(const Graph& from) : from_(from), now_(from.values.size(), -1) { to_.name = from.name; }
  ValueId map(ValueId id) {
    ValueId& now = now_[static_cast<size_t>(id)];
    if (now < 0) {
      now = static_cast<ValueId>(to_.values.size());
      to_.values.push_back(from_.value(id));
    }
    return now;
  }
  void set(ValueId old, ValueId id) { now_[static_cast<size_t>(old)] = id; }
  Graph& graph() { return to_; }
  void copy(const Node& node) {
    Node moved = node;
    for (ValueId& id : moved.inputs) id = map(id);
    for (ValueId& id : moved.outputs) id = map(id);
    to_.nodes.push_back(std::move(moved));
  }
  Graph finish() {
    for (ValueId id : from_.inputs) to_.inputs.push_back(map(id));
    for (ValueId id : from_.outputs) to_.outputs.push_back(map(id));
    return std::move(to_);
  }

 private:
  const Graph& from_;
  Graph to_;
  std::vector<ValueId> now_;
};

std::vector<int64_t> swapped_axes(size_t rank) {
  std::vector<int64_t> axes(rank);
  for (size_t i = 0; i < rank; ++i) axes[i] = static_cast<int64_t>(i);
  std::swap(axes[rank - 1], axes[rank - 2]);
  return axes;
}

ValueId scalar(Graph& g, double value, DType dtype) {
  return g.add_constant(torch::full({}, value, torch::kDouble).to(scalar_type(dtype)));
}

// softmax(scale · q kᵀ + mask) v.
void expand_attention(Rebuild& rebuild, const Node& node) {
  Graph& g = rebuild.graph();
  const ValueId q = rebuild.map(node.inputs[0]), k = rebuild.map(node.inputs[1]),
                v = rebuild.map(node.inputs[2]);
  const Shape q_shape = g.type(q).shape, k_shape = g.type(k).shape;
  const DType dtype = g.type(q).dtype;
  const ValueId transposed = g.add("transpose", {k}, {{"axes", swapped_axes(k_shape.size())}}, node.source);
  ValueId logits = g.add("matmul", {q, transposed}, {}, node.source);
  logits = g.add("mul", {logits, scalar(g, node.number("scale"), dtype)}, {}, node.source);
  if (node.inputs.size() > 3) logits = g.add("add", {logits, rebuild.map(node.inputs[3])}, {}, node.source);
  if (node.integer("causal", 0) != 0) {
    const int64_t rows = q_shape[q_shape.size() - 2], columns = k_shape[k_shape.size() - 2];
    const torch::Tensor mask = torch::full({rows, columns}, -1e30, torch::kFloat).triu(1);
    logits = g.add("add", {logits, g.add_constant(mask.to(scalar_type(dtype)))}, {}, node.source);
  }
  const int64_t axis = static_cast<int64_t>(g.type(logits).shape.size()) - 1;
  const ValueId weights = g.add("softmax", {logits}, {{"axis", axis}}, node.source);
  rebuild.set(node.outputs[0], g.add("matmul", {weights, v}, {}, node.source));
}

void expand_linear(Rebuild& rebuild, const Node& node) {
  Graph& g = rebuild.graph();
  const ValueId w = rebuild.map(node.inputs[1]);
  const ValueId transposed = g.add("transpose", {w}, {{"axes", swapped_axes(2)}}, node.source);
  ValueId y = g.add("matmul", {rebuild.map(node.inputs[0]), transposed}, {}, node.source);
  if (node.inputs.size() > 2) y = g.add("add", {y, rebuild.map(node.inputs[2])}, {}, node.source);
  rebuild.set(node.outputs[0], y);
}

bool wants_padding(const Graph& graph, const Node& node) {
  if ((node.op != "conv" && node.op != "conv_integer") || graph.value(node.outputs[0]).layout.block <= 1 ||
      graph.value(node.inputs[0]).layout.block > 1)
    return false;
  const auto& padding = node.integers("padding");
  return std::any_of(padding.begin(), padding.end(), [](int64_t p) { return p > 0; });
}

void separate_padding(Rebuild& rebuild, const Node& node) {
  Graph& g = rebuild.graph();
  const auto& p = node.integers("padding");
  Node pad;
  pad.op = "pad";
  pad.inputs = {rebuild.map(node.inputs[0])};
  pad.attributes = {{"before", std::vector<int64_t>{0, 0, p[0], p[1]}},
                    {"after", std::vector<int64_t>{0, 0, p[2], p[3]}},
                    {"mode", std::string("constant")},
                    {"value", static_cast<double>(node.integer("zero_point", 0))}};
  pad.source = node.source;
  const ValueId padded = g.add(pad)[0];
  Node conv = node;
  conv.inputs[0] = padded;
  for (size_t i = 1; i < conv.inputs.size(); ++i) conv.inputs[i] = rebuild.map(node.inputs[i]);
  conv.outputs = {rebuild.map(node.outputs[0])};
  conv.attributes["padding"] = std::vector<int64_t>{0, 0, 0, 0};
  g.nodes.push_back(std::move(conv));
}

void own_outputs(Graph& graph) {
  const Uses use = uses(graph);
  std::set<ValueId> seen;
  for (ValueId& output : graph.outputs) {
    const int producer = use.producer[static_cast<size_t>(output)];
    const bool blocked = graph.value(output).layout.block > 1;
    const bool aliased = producer < 0 || graph.nodes[static_cast<size_t>(producer)].op == "reshape" ||
                         graph.nodes[static_cast<size_t>(producer)].op == "identity";
    if (blocked) {
      output = graph.add("layout", {output}, {{"block", int64_t{1}}});
    } else if (aliased || !seen.insert(output).second) {
      const std::string name = graph.value(output).name;
      output = graph.add("identity", {output});
      graph.value(output).name = name;
    }
    seen.insert(output);
  }
}

}  // namespace

Graph prepare(Graph graph) {
  Rebuild rebuild(graph);
  for (const Node& node : graph.nodes) {
    if (node.op == "attention")
      expand_attention(rebuild, node);
    else if (node.op == "linear" && !graph.value(node.inputs[1]).is_constant())
      expand_linear(rebuild, node);
    else if (wants_padding(graph, node))
      separate_padding(rebuild, node);
    else
      rebuild.copy(node);
  }
  Graph result = rebuild.finish();
  own_outputs(result);
  return result;
}

std::vector<Group> kernel_groups(const Graph& graph, std::vector<Group> groups) {
  std::vector<Group> result;
  for (const Group& group : groups) {
    const bool has_complex = std::any_of(group.nodes.begin(), group.nodes.end(), [&](int n) {
      return op(graph.nodes[static_cast<size_t>(n)].op).kind == OpClass::complex;
    });
    Group current;
    for (int n : group.nodes) {
      const bool alone = has_complex && graph.nodes[static_cast<size_t>(n)].op == "layout";
      if (alone && !current.nodes.empty()) result.push_back(std::exchange(current, {}));
      current.nodes.push_back(n);
      if (alone) result.push_back(std::exchange(current, {}));
    }
    if (!current.nodes.empty()) result.push_back(current);
  }
  return result;
}

void widen_borders(Graph& graph, const std::vector<Group>& groups) {
  for (const Group& group : groups)
    for (const BorderNeed& need : border_needs(graph, group)) {
      Value& value = graph.value(need.value);
      if (value.layout.block <= 1) continue;
      for (size_t side = 0; side < 4; ++side)
        value.layout.border[side] = std::max(value.layout.border[side], need.border[side]);
    }
}

}  // namespace lathe::compile::codegen
