#pragma once
#include <map>

#include "lathe/compile/codegen/builder.h"

namespace lathe::compile::codegen {

// The values of one group while its kernel is built: those from outside are read from memory, those that
// injective nodes of the group make are expressions of these.
class Scope {
 public:
  explicit Scope(Builder& builder) : builder_(builder) {}

  Builder& builder() { return builder_; }
  const Graph& graph() const { return builder_.graph(); }
  // At the coordinates of the value's own storage.
  const Access& at(ValueId value);
  void define(ValueId value, Access access) { accesses_[value] = std::move(access); }
  bool defined(ValueId value) const { return accesses_.count(value) > 0; }
  // Defines the output of an injective node. Throws Error for an op without a rule.
  void lower(const Node& node);

 private:
  Builder& builder_;
  std::map<ValueId, Access> accesses_;
};

bool can_lower(const std::string& op);  // an injective op with a rule

// Lowers the group's nodes that are not defined yet, and gives the last one's output.
ValueId lower_rest(Scope& scope, const Group& group);
// A blocked value's element, zero in the channels that only fill the last block: what follows multiplies
// these with zero weights, and 0 · ∞ is not 0.
Halide::Expr without_filling(const Value& value, const Coordinates& at, const Halide::Expr& element);
// Sum over nodes of the operations that an element of the group's output costs, element-wise nodes only.
double flops_per_element(const Graph& graph, const Group& group);
// What a group computes, in words that do not depend on its place in the graph: ops, attributes, types,
// layouts, literals. Equal texts mean equal kernels.
std::string signature(const Graph& graph, const Group& group);

}  // namespace lathe::compile::codegen
