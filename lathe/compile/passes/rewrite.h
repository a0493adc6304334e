#pragma once
#include <optional>
#include <vector>

#include "lathe/compile/graph.h"

// What the passes share.
namespace lathe::compile {

// A graph on its way from `before` to `after`: nodes are taken in order, and each either goes over as it is
// or is replaced by what a rule makes of it.
struct Rewriter {
  explicit Rewriter(const Graph& before);

  const Graph& before;
  Graph after;
  std::vector<ValueId> moved;  // by value of before: the value of after that stands for it; -1: none yet
  std::vector<int> producer;   // by value of after: index into after.nodes, or -1
  std::vector<int> reads;      // by value of after: at least so many inputs and outputs read it

  // The node that makes a value; nullptr for inputs and constants.
  const Node* maker(ValueId id) const;
  const Node* maker(ValueId id, std::string_view op) const;  // only if it is this op
  bool read_once(ValueId id) const { return reads[static_cast<size_t>(id)] <= 1; }
  const torch::Tensor& constant(ValueId id) const { return after.value(id).constant; }
  // The value of a constant of one element, as a double.
  std::optional<double> scalar(ValueId id) const;

  ValueId add(std::string op, std::vector<ValueId> inputs, std::map<std::string, Attribute> attributes,
              std::string source);
  ValueId add_constant(torch::Tensor tensor, std::string name = {});

  // Whether `now` may take the place of a node's output. An output of the graph stays a value of its own,
  // made by a node: it becomes neither an input nor a constant nor another output.
  bool may_replace(ValueId old, ValueId now) const;
  void replace(ValueId old, ValueId now);
  void copy(const Node& node);  // its inputs are values of after
  Graph finish();               // without what is not needed any more

 private:
  void grow();
  std::vector<int> reads_before_;
  std::vector<bool> output_, claimed_;
};

// The value that replaces the only output of a node, or nothing when the rule does not apply. The node's
// inputs are values of g.after; `result` is its output's type, which the replacement must have.
using Rule = std::optional<ValueId> (*)(Rewriter& g, const Node& node, const Type& result);

// Every node in order through the rules; the first that applies is taken.
Graph rewrite(const Graph& graph, const std::vector<Rule>& rules);

// Without unneeded nodes and values. Values in this order: inputs, constants by their first reader, results.
Graph compact(const Graph& graph);

// The same nodes, values and constants (the same tensors), numbered the same.
bool same(const Graph& a, const Graph& b);

// "a+b" of the sources of nodes that become one, each once.
std::string joined(const std::string& a, const std::string& b);

}  // namespace lathe::compile
