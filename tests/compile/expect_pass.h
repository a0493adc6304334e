#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "lathe/compile/passes.h"
#include "lathe/compile/text.h"

namespace lathe::compile {

// A graph from its lines without the first, which gives the name.
inline Graph graph_of(const std::string& lines) {
  return parse_text("graph \"g\"\n" + lines);
}

// The pass turns one text into the other and keeps what it computes.
inline void expect_pass(const std::function<Graph(Graph)>& pass, const std::string& before,
                        const std::string& after) {
  const Graph graph = graph_of(before), result = pass(graph);
  EXPECT_EQ(to_text(result), "graph \"g\"\n" + after);
  check_same(graph, result, "the pass", 3);
}

inline int count(const Graph& graph, const std::string& op) {
  int found = 0;
  for (const Node& node : graph.nodes) found += node.op == op ? 1 : 0;
  return found;
}

}  // namespace lathe::compile
