#include "lathe/compile/passes/pbqp.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

struct State {
  std::vector<std::vector<double>> costs;
  std::vector<std::map<int, std::vector<double>>> edges;  // of each node, rows its own alternatives
  std::vector<bool> removed;
  std::vector<int> order;  // in which nodes were removed; each kept its costs and its edges of that moment

  size_t alternatives(int node) const { return costs[static_cast<size_t>(node)].size(); }

  void add_edge(int a, int b, const std::vector<double>& table) {
    const size_t rows = alternatives(a), columns = alternatives(b);
    auto& forward = edges[static_cast<size_t>(a)][b];
    auto& backward = edges[static_cast<size_t>(b)][a];
    forward.resize(rows * columns), backward.resize(rows * columns);
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j) {
        forward[i * columns + j] += table[i * columns + j];
        backward[j * rows + i] += table[i * columns + j];
      }
  }

  void remove(int node) {
    for (const auto& [other, table] : edges[static_cast<size_t>(node)])
      edges[static_cast<size_t>(other)].erase(node);
    removed[static_cast<size_t>(node)] = true;
    order.push_back(node);
  }

  // Its best cost, for every choice of its one neighbour, goes to that neighbour.
  void reduce_one(int node) {
    const auto& [other, table] = *edges[static_cast<size_t>(node)].begin();
    const size_t columns = alternatives(other);
    for (size_t j = 0; j < columns; ++j) {
      double least = kForbidden;
      for (size_t k = 0; k < alternatives(node); ++k)
        least = std::min(least, costs[static_cast<size_t>(node)][k] + table[k * columns + j]);
      costs[static_cast<size_t>(other)][j] += least;
    }
    remove(node);
  }

  // The same for two neighbours, as an edge between them.
  void reduce_two(int node) {
    const auto first = *edges[static_cast<size_t>(node)].begin();
    const auto second = *std::next(edges[static_cast<size_t>(node)].begin());
    const size_t rows = alternatives(first.first), columns = alternatives(second.first);
    std::vector<double> table(rows * columns, kForbidden);
    for (size_t k = 0; k < alternatives(node); ++k)
      for (size_t i = 0; i < rows; ++i)
        for (size_t j = 0; j < columns; ++j)
          table[i * columns + j] = std::min(table[i * columns + j], costs[static_cast<size_t>(node)][k] +
                                                                        first.second[k * rows + i] +
                                                                        second.second[k * columns + j]);
    remove(node);
    add_edge(first.first, second.first, table);
  }

  // What one alternative costs at least, when each neighbour answers with its best.
  double outlook(int node, size_t alternative) const {
    double total = costs[static_cast<size_t>(node)][alternative];
    for (const auto& [other, table] : edges[static_cast<size_t>(node)]) {
      const size_t columns = alternatives(other);
      double least = kForbidden;
      for (size_t j = 0; j < columns; ++j)
        least = std::min(least, costs[static_cast<size_t>(other)][j] + table[alternative * columns + j]);
      total += least;
    }
    return total;
  }
};

void reduce(State& state) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < state.costs.size(); ++i) {
      if (state.removed[i]) continue;
      const int node = static_cast<int>(i);
      const size_t degree = state.edges[i].size();
      if (degree > 2) continue;
      if (degree == 0) state.remove(node);
      if (degree == 1) state.reduce_one(node);
      if (degree == 2) state.reduce_two(node);
      changed = true;
    }
  }
}

std::vector<int> answer(const State& state) {
  std::vector<int> chosen(state.costs.size(), -1);
  for (auto node = state.order.rbegin(); node != state.order.rend(); ++node) {
    const auto index = static_cast<size_t>(*node);
    double least = kForbidden;
    chosen[index] = 0;
    for (size_t k = 0; k < state.costs[index].size(); ++k) {
      double total = state.costs[index][k];
      for (const auto& [other, table] : state.edges[index])
        total +=
            table[k * state.alternatives(other) + static_cast<size_t>(chosen[static_cast<size_t>(other)])];
      if (total < least) least = total, chosen[index] = static_cast<int>(k);
    }
  }
  return chosen;
}

PbqpSolution search(const Pbqp& problem, State state, int leaves) {
  reduce(state);
  int widest = -1;
  size_t degree = 0;
  for (size_t i = 0; i < state.costs.size(); ++i)
    if (!state.removed[i] && state.edges[i].size() > degree)
      degree = state.edges[i].size(), widest = static_cast<int>(i);
  if (widest < 0) {
    PbqpSolution solution;
    solution.chosen = answer(state);
    solution.cost = cost_of(problem, solution.chosen);
    return solution;
  }
  const size_t count = state.alternatives(widest);
  std::vector<double> outlook(count);
  std::vector<size_t> order(count);
  for (size_t k = 0; k < count; ++k) outlook[k] = state.outlook(widest, k), order[k] = k;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return outlook[a] < outlook[b]; });
  const int share = leaves / static_cast<int>(count);
  PbqpSolution best;
  const size_t tried = share > 0 ? count : 1;
  bool exact = tried == count;
  for (size_t rank = 0; rank < tried; ++rank) {
    if (rank > 0 && outlook[order[rank]] == kForbidden) break;
    State fixed = state;
    auto& costs = fixed.costs[static_cast<size_t>(widest)];
    for (size_t k = 0; k < count; ++k)
      if (k != order[rank]) costs[k] = kForbidden;
    const auto neighbours = fixed.edges[static_cast<size_t>(widest)];
    for (const auto& [other, table] : neighbours)
      for (size_t j = 0; j < fixed.alternatives(other); ++j)
        fixed.costs[static_cast<size_t>(other)][j] += table[order[rank] * fixed.alternatives(other) + j];
    fixed.remove(widest);
    PbqpSolution found = search(problem, std::move(fixed), share);
    exact = exact && found.exact;
    if (rank == 0 || found.cost < best.cost) best = std::move(found);
  }
  best.exact = exact;
  return best;
}

}  // namespace

double cost_of(const Pbqp& problem, const std::vector<int>& chosen) {
  double total = 0;
  for (size_t i = 0; i < problem.nodes.size(); ++i) total += problem.nodes[i][static_cast<size_t>(chosen[i])];
  for (const auto& edge : problem.edges) {
    const auto a = static_cast<size_t>(edge.a), b = static_cast<size_t>(edge.b);
    total +=
        edge.costs[static_cast<size_t>(chosen[a]) * problem.nodes[b].size() + static_cast<size_t>(chosen[b])];
  }
  return total;
}

PbqpSolution solve(const Pbqp& problem, int leaves) {
  State state;
  state.costs = problem.nodes;
  state.edges.resize(problem.nodes.size());
  state.removed.resize(problem.nodes.size());
  for (const auto& costs : problem.nodes)
    if (costs.empty()) throw Error("a node of the layout problem has no alternative");
  for (const auto& edge : problem.edges) {
    const size_t count = problem.nodes.size();
    if (edge.a == edge.b || static_cast<size_t>(edge.a) >= count || static_cast<size_t>(edge.b) >= count ||
        edge.costs.size() != state.alternatives(edge.a) * state.alternatives(edge.b))
      throw Error("an edge of the layout problem, {} to {}, has {} costs", edge.a, edge.b, edge.costs.size());
    state.add_edge(edge.a, edge.b, edge.costs);
  }
  return search(problem, std::move(state), leaves);
}

}  // namespace lathe::compile
