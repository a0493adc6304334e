#pragma once
#include "lathe/compile/passes/layout_model.h"
#include "lathe/compile/passes/pbqp.h"

namespace lathe::compile {

// The choice of a mode for each node of a graph as a PBQP: its first nodes are the graph's nodes, their
// alternatives the modes; further ones stand for values that several nodes read, with the alternatives
// "plain", "blocked" and "both".
struct LayoutProblem {
  std::vector<std::vector<Mode>> modes;
  Pbqp pbqp;
};
LayoutProblem layout_problem(const Graph& graph, const Target& target);

}  // namespace lathe::compile
