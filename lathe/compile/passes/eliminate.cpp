#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <tuple>

#include "lathe/compile/passes.h"
#include "lathe/compile/passes/rewrite.h"

namespace lathe::compile {
namespace {

bool commutes(const std::string& op) {
  return op == "add" || op == "mul" || op == "maximum" || op == "minimum";
}

// For each constant the first that has the same type and bytes.
std::vector<ValueId> first_equals(const Graph& graph) {
  std::map<std::pair<DType, Shape>, std::vector<ValueId>> seen;
  std::vector<ValueId> first(graph.values.size());
  for (size_t i = 0; i < graph.values.size(); ++i) {
    first[i] = static_cast<ValueId>(i);
    const Value& value = graph.values[i];
    if (!value.is_constant()) continue;
    auto& others = seen[{value.type.dtype, value.type.shape}];
    const auto equal = std::find_if(others.begin(), others.end(), [&](ValueId other) {
      const torch::Tensor& constant = graph.value(other).constant;
      return constant.data_ptr() == value.constant.data_ptr() ||
             std::memcmp(constant.data_ptr(), value.constant.data_ptr(), constant.nbytes()) == 0;
    });
    if (equal == others.end())
      others.push_back(first[i]);
    else
      first[i] = *equal;
  }
  return first;
}

}  // namespace

Graph eliminate_dead(Graph graph) {
  return compact(graph);
}

Graph eliminate_common(Graph graph) {
  const std::vector<ValueId> first = first_equals(graph);
  for (Node& node : graph.nodes)
    for (ValueId& input : node.inputs) input = first[static_cast<size_t>(input)];
  for (ValueId& output : graph.outputs) output = first[static_cast<size_t>(output)];

  Rewriter g(graph);
  using Key = std::tuple<std::string, std::vector<ValueId>, std::map<std::string, Attribute>>;
  std::map<Key, size_t> seen;  // to the node's index in g.after
  for (const Node& original : graph.nodes) {
    Node node = original;
    for (ValueId& input : node.inputs) input = g.moved[static_cast<size_t>(input)];
    Key key{node.op, node.inputs, node.attributes};
    if (commutes(node.op)) std::sort(std::get<1>(key).begin(), std::get<1>(key).end());
    const auto found = seen.find(key);
    bool replaces = found != seen.end();
    if (replaces) {
      const Node& twin = g.after.nodes[found->second];
      for (size_t o = 0; o < node.outputs.size(); ++o)
        replaces = replaces && g.may_replace(node.outputs[o], twin.outputs[o]) &&
                   g.after.value(twin.outputs[o]).layout == graph.value(node.outputs[o]).layout;
    }
    if (!replaces) {
      seen.emplace(std::move(key), g.after.nodes.size());
      g.copy(node);
      continue;
    }
    Node& twin = g.after.nodes[found->second];
    twin.source = joined(twin.source, node.source);
    for (size_t o = 0; o < node.outputs.size(); ++o) g.replace(node.outputs[o], twin.outputs[o]);
  }
  return g.finish();
}

}  // namespace lathe::compile
