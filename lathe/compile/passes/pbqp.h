#pragma once
#include <limits>
#include <vector>

namespace lathe::compile {

// Partitioned boolean quadratic problem: one alternative for each node, so that
//   Σ_i nodes[i][x_i] + Σ_(a,b) edge[x_a · |b| + x_b]
// is least. Infinity forbids. Several edges between two nodes add up.
constexpr double kForbidden = std::numeric_limits<double>::infinity();

struct Pbqp {
  struct Edge {
    int a = 0, b = 0;
    std::vector<double> costs;  // row-major, alternatives of a × alternatives of b
  };
  std::vector<std::vector<double>> nodes;
  std::vector<Edge> edges;
};

struct PbqpSolution {
  std::vector<int> chosen;
  double cost = kForbidden;
  bool exact = true;
};

// Nodes of degree 0, 1 and 2 are eliminated without loss (Scholz & Eckstein, LCTES 2002), which on chains,
// trees and series-parallel graphs is dynamic programming. Of another node each alternative is tried, best
// first, as long as `leaves` complete solutions allow; where they do not, the best alone is, and the solution
// may not be the optimum. Throws Error for a node without alternatives or a table of the wrong size.
PbqpSolution solve(const Pbqp& problem, int leaves = 4096);

double cost_of(const Pbqp& problem, const std::vector<int>& chosen);

}  // namespace lathe::compile
