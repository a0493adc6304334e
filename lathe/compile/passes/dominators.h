#pragma once
#include <vector>

#include "lathe/compile/graph.h"

namespace lathe::compile {

// For each node the first node that every path from it to an output of the graph comes through after it, or
// graph.nodes.size() where there is none: it makes an output, or its paths meet at the end only.
std::vector<int> post_dominators(const Graph& graph, const Uses& uses);

// The nodes on the paths from a node to its post-dominator, without the first and with the last, in order.
std::vector<int> between(const Graph& graph, const Uses& uses, int from, int to);

}  // namespace lathe::compile
