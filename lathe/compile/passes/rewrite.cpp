#include "lathe/compile/passes/rewrite.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

size_t at(ValueId id) {
  return static_cast<size_t>(id);
}

}  // namespace

Rewriter::Rewriter(const Graph& graph) : before(graph) {
  after.name = graph.name;
  moved.assign(graph.values.size(), -1);
  reads_before_.assign(graph.values.size(), 0);
  output_.assign(graph.values.size(), false);
  for (const Node& node : graph.nodes)
    for (const ValueId input : node.inputs) ++reads_before_[at(input)];
  for (const ValueId output : graph.outputs) ++reads_before_[at(output)], output_[at(output)] = true;
  const auto take = [&](ValueId id) {
    moved[at(id)] = static_cast<ValueId>(after.values.size());
    after.values.push_back(graph.value(id));
    grow();
    reads.back() = reads_before_[at(id)];
  };
  for (const ValueId input : graph.inputs) take(input), after.inputs.push_back(moved[at(input)]);
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].is_constant()) take(static_cast<ValueId>(i));
}

void Rewriter::grow() {
  producer.resize(after.values.size(), -1);
  reads.resize(after.values.size(), 0);
  claimed_.resize(after.values.size(), false);
}

const Node* Rewriter::maker(ValueId id) const {
  const int index = producer[at(id)];
  return index < 0 ? nullptr : &after.nodes[static_cast<size_t>(index)];
}

const Node* Rewriter::maker(ValueId id, std::string_view op) const {
  const Node* node = maker(id);
  return node && node->op == op ? node : nullptr;
}

std::optional<double> Rewriter::scalar(ValueId id) const {
  const torch::Tensor& tensor = constant(id);
  if (!tensor.defined() || tensor.numel() != 1) return std::nullopt;
  return tensor.to(torch::kFloat64).item<double>();
}

ValueId Rewriter::add(std::string op, std::vector<ValueId> inputs,
                      std::map<std::string, Attribute> attributes, std::string source) {
  for (const ValueId input : inputs) ++reads[at(input)];
  const ValueId id = after.add(std::move(op), std::move(inputs), std::move(attributes), std::move(source));
  grow();
  producer[at(id)] = static_cast<int>(after.nodes.size()) - 1;
  return id;
}

ValueId Rewriter::add_constant(torch::Tensor tensor, std::string name) {
  const ValueId id = after.add_constant(std::move(tensor), std::move(name));
  grow();
  return id;
}

bool Rewriter::may_replace(ValueId old, ValueId now) const {
  return !output_[at(old)] || (producer[at(now)] >= 0 && !claimed_[at(now)]);
}

void Rewriter::replace(ValueId old, ValueId now) {
  Value& value = after.value(now);
  const Value& original = before.value(old);
  if (!(value.type == original.type))
    throw Error("a rewrite of %{} gives {} instead of {}", old, to_string(value.type),
                to_string(original.type));
  if (output_[at(old)]) value.name = original.name, claimed_[at(now)] = true;
  if (value.name.empty() && producer[at(now)] >= 0) value.name = original.name;
  moved[at(old)] = now;
  reads[at(now)] += reads_before_[at(old)];
}

void Rewriter::copy(const Node& node) {
  Node moving = node;
  for (ValueId& output : moving.outputs) {
    const ValueId now = static_cast<ValueId>(after.values.size());
    after.values.push_back(before.value(output));
    grow();
    producer[at(now)] = static_cast<int>(after.nodes.size());
    replace(output, now);
    output = now;
  }
  after.nodes.push_back(std::move(moving));
}

Graph Rewriter::finish() {
  for (const ValueId output : before.outputs) after.outputs.push_back(moved[at(output)]);
  return compact(after);
}

Graph rewrite(const Graph& graph, const std::vector<Rule>& rules) {
  Rewriter g(graph);
  for (const Node& original : graph.nodes) {
    Node node = original;
    for (ValueId& input : node.inputs) input = g.moved[at(input)];
    std::optional<ValueId> made;
    if (node.outputs.size() == 1)
      for (const Rule rule : rules) {
        const ValueId old = node.outputs[0];
        const size_t known = g.after.values.size();
        made = rule(g, node, graph.type(old));
        if (made && !g.may_replace(old, *made)) {
          if (node.op == "identity" && node.inputs[0] == *made)
            made.reset();
          else
            made = g.add("identity", {*made}, {}, node.source);
        }
        if (!made) continue;
        if (static_cast<size_t>(*made) >= known) g.after.value(*made).layout = graph.value(old).layout;
        g.replace(old, *made);
        break;
      }
    if (!made) g.copy(node);
  }
  return g.finish();
}

Graph compact(const Graph& graph) {
  std::vector<bool> needed(graph.values.size());
  std::vector<bool> kept(graph.nodes.size());
  for (const ValueId output : graph.outputs) needed[at(output)] = true;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    kept[i] =
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return needed[at(id)]; });
    if (kept[i])
      for (const ValueId input : node.inputs) needed[at(input)] = true;
  }
  Graph result;
  result.name = graph.name;
  std::vector<ValueId> moved(graph.values.size(), -1);
  const auto move = [&](ValueId id) {
    if (moved[at(id)] < 0) {
      moved[at(id)] = static_cast<ValueId>(result.values.size());
      result.values.push_back(graph.value(id));
    }
    return moved[at(id)];
  };
  for (const ValueId input : graph.inputs) result.inputs.push_back(move(input));
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (kept[i])
      for (const ValueId input : graph.nodes[i].inputs)
        if (graph.value(input).is_constant()) move(input);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!kept[i]) continue;
    Node node = graph.nodes[i];
    for (ValueId& input : node.inputs) input = move(input);
    for (ValueId& output : node.outputs) output = move(output);
    result.nodes.push_back(std::move(node));
  }
  for (const ValueId output : graph.outputs) result.outputs.push_back(move(output));
  return result;
}

bool same(const Graph& a, const Graph& b) {
  if (a.values.size() != b.values.size() || a.nodes.size() != b.nodes.size() || a.inputs != b.inputs ||
      a.outputs != b.outputs)
    return false;
  for (size_t i = 0; i < a.values.size(); ++i) {
    const Value &x = a.values[i], &y = b.values[i];
    if (!(x.type == y.type) || !(x.layout == y.layout) || x.name != y.name || !x.constant.is_same(y.constant))
      return false;
  }
  for (size_t i = 0; i < a.nodes.size(); ++i) {
    const Node &x = a.nodes[i], &y = b.nodes[i];
    if (x.op != y.op || x.inputs != y.inputs || x.outputs != y.outputs || x.attributes != y.attributes)
      return false;
  }
  return true;
}

std::string joined(const std::string& a, const std::string& b) {
  if (a.empty()) return b;
  std::string all = a;
  size_t begin = 0;
  while (begin <= b.size() && !b.empty()) {
    const size_t end = std::min(b.find('+', begin), b.size());
    const std::string part = b.substr(begin, end - begin);
    if (("+" + all + "+").find("+" + part + "+") == std::string::npos) all += "+" + part;
    begin = end + 1;
  }
  return all;
}

}  // namespace lathe::compile
