#include "lathe/compile/passes/dominators.h"

#include <algorithm>
#include <set>

namespace lathe::compile {

std::vector<int> post_dominators(const Graph& graph, const Uses& uses) {
  const int end = static_cast<int>(graph.nodes.size());
  std::vector<int> parent(graph.nodes.size(), end), depth(graph.nodes.size() + 1, 0);
  std::vector<bool> output(graph.values.size());
  for (const ValueId id : graph.outputs) output[static_cast<size_t>(id)] = true;
  const auto common = [&](int a, int b) {
    while (a != b) {
      int& deeper = depth[static_cast<size_t>(a)] >= depth[static_cast<size_t>(b)] ? a : b;
      deeper = parent[static_cast<size_t>(deeper)];
    }
    return a;
  };
  for (int node = end - 1; node >= 0; --node) {
    int meeting = -1;
    for (const ValueId value : graph.nodes[static_cast<size_t>(node)].outputs) {
      if (output[static_cast<size_t>(value)]) meeting = end;
      for (const int reader : uses.readers[static_cast<size_t>(value)])
        meeting = meeting < 0 ? reader : common(meeting, reader);
    }
    parent[static_cast<size_t>(node)] = meeting < 0 ? end : meeting;
    depth[static_cast<size_t>(node)] = depth[static_cast<size_t>(parent[static_cast<size_t>(node)])] + 1;
  }
  return parent;
}

std::vector<int> between(const Graph& graph, const Uses& uses, int from, int to) {
  std::set<int> found;
  std::vector<int> open{from};
  while (!open.empty()) {
    const int node = open.back();
    open.pop_back();
    for (const ValueId value : graph.nodes[static_cast<size_t>(node)].outputs)
      for (const int reader : uses.readers[static_cast<size_t>(value)])
        if (found.insert(reader).second && reader != to) open.push_back(reader);
  }
  return {found.begin(), found.end()};
}

}  // namespace lathe::compile
