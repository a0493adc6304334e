#include "lathe/compile/passes/pbqp.h"

#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"

namespace lathe::compile {
namespace {

double brute_force(const Pbqp& problem) {
  std::vector<int> chosen(problem.nodes.size());
  double best = kForbidden;
  while (true) {
    best = std::min(best, cost_of(problem, chosen));
    size_t digit = 0;
    while (digit < chosen.size() && ++chosen[digit] == static_cast<int>(problem.nodes[digit].size()))
      chosen[digit++] = 0;
    if (digit == chosen.size()) return best;
  }
}

Pbqp random_problem(core::Random& random, int nodes, double density) {
  Pbqp problem;
  const auto cost = [&] { return random.uniform() < 0.1 ? kForbidden : random.uniform(0, 10); };
  for (int i = 0; i < nodes; ++i) {
    std::vector<double> costs;
    for (int64_t k = 0; k < 1 + random.below(3); ++k) costs.push_back(random.uniform(0, 10));
    problem.nodes.push_back(costs);
  }
  for (int a = 0; a < nodes; ++a)
    for (int b = 0; b < a; ++b) {
      if (random.uniform() > density && b + 1 != a) continue;
      std::vector<double> costs;
      for (size_t k = 0;
           k < problem.nodes[static_cast<size_t>(a)].size() * problem.nodes[static_cast<size_t>(b)].size();
           ++k)
        costs.push_back(cost());
      problem.edges.push_back({a, b, costs});
    }
  return problem;
}

TEST(Pbqp, FindsTheOptimumOfSmallProblems) {
  core::Random random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const Pbqp problem = random_problem(random, 1 + trial % 8, trial % 2 ? 0.0 : 0.6);
    const PbqpSolution solution = solve(problem);
    const double best = brute_force(problem);
    EXPECT_TRUE(solution.exact);
    if (best == kForbidden)
      EXPECT_EQ(solution.cost, kForbidden);
    else
      EXPECT_NEAR(solution.cost, best, 1e-9) << "trial " << trial;
    EXPECT_EQ(solution.cost, cost_of(problem, solution.chosen));
  }
}

// With one leaf allowed a dense problem is solved by the heuristic alone, which says so.
TEST(Pbqp, SaysWhenItMayHaveMissedTheOptimum) {
  core::Random random(2);
  int exact = 0;
  double ratio = 0;
  for (int trial = 0; trial < 50; ++trial) {
    Pbqp problem = random_problem(random, 8, 1.0);
    for (auto& edge : problem.edges)
      for (double& cost : edge.costs) cost = std::min(cost, 10.0);
    const PbqpSolution solution = solve(problem, 1);
    const double best = brute_force(problem);
    EXPECT_GE(solution.cost, best - 1e-9);
    if (solution.exact) EXPECT_NEAR(solution.cost, best, 1e-9);
    exact += solution.exact ? 1 : 0;
    ratio += solution.cost / best / 50;
  }
  EXPECT_LT(exact, 50);
  EXPECT_LT(ratio, 1.2);
}

TEST(Pbqp, LongChainsAreExactAndFast) {
  Pbqp chain;
  for (int i = 0; i < 2000; ++i) {
    chain.nodes.push_back({i % 7 == 0 ? 0.0 : 1.0, i % 5 == 0 ? 0.0 : 1.0});
    if (i > 0) chain.edges.push_back({i - 1, i, {0, 0.7, 0.7, 0}});
  }
  EXPECT_TRUE(solve(chain).exact);
}

TEST(Pbqp, RefusesTablesOfTheWrongSize) {
  EXPECT_THROW(solve({{{1, 2}, {1}}, {{0, 1, {1}}}}), Error);
  EXPECT_THROW(solve({{{}}, {}}), Error);
}

}  // namespace
}  // namespace lathe::compile
