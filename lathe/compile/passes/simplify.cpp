#include "lathe/compile/passes.h"
#include "lathe/compile/passes/rules/rules.h"

namespace lathe::compile {
namespace {

constexpr int kRounds = 100;  // each ends sooner unless rules undo one another

template <typename Pass>
Graph until_same(Graph graph, Pass pass) {
  for (int round = 0; round < kRounds; ++round) {
    Graph next = pass(graph);
    if (same(graph, next)) break;
    graph = std::move(next);
  }
  return graph;
}

}  // namespace

Graph simplify(Graph graph) {
  using namespace rules;
  const std::vector<Rule> table{drop_identity,        drop_neutral,        drop_pair,
                                merge_transposes,     merge_reshapes,      pad_into_window,
                                linear_from_matmul,   affine_into_layer,   simpler_arithmetic,
                                merge_clamps,         recognise_attention, recognise_activation,
                                recognise_layer_norm, affine_into_norm};
  return until_same(compact(graph), [&](const Graph& before) { return rewrite(before, table); });
}

Graph use_integer_layers(Graph graph) {
  return rewrite(graph, {rules::layer_of_bytes});
}

Graph optimize(Graph graph) {
  return until_same(use_integer_layers(eliminate_dead(std::move(graph))), [](const Graph& before) {
    return simplify(eliminate_common(fold_batch_norm(fold_constants(before))));
  });
}

}  // namespace lathe::compile
