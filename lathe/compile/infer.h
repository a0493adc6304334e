#pragma once
#include <vector>

#include "lathe/compile/graph.h"

namespace lathe::compile {

// Types of the outputs that a node would have in this graph. Throws InputError for an unknown op, a wrong
// number of inputs and what the op refuses; Error for an input that is not in the graph.
std::vector<Type> infer(const Graph& graph, const Node& node);

}  // namespace lathe::compile
