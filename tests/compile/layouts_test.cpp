#include "lathe/compile/passes/layouts.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/compile/expect_pass.h"
#include "tests/compile/networks.h"
#include "tests/compile/random_graph.h"

namespace lathe::compile {
namespace {

int blocked(const Graph& graph) {
  int found = 0;
  for (const Value& value : graph.values) found += value.layout.block > 1 ? 1 : 0;
  return found;
}

// The cost of the best choice among all.
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

// What a graph costs as it is written: its kernels in the forms they have, and its layout nodes.
double written_cost(const Graph& graph, const Target& target) {
  double total = 0;
  const auto form = [&](ValueId id) {
    return graph.value(id).layout.block > 1 ? Form::blocked : Form::plain;
  };
  for (const Node& node : graph.nodes) {
    if (node.op == "layout") {
      total += layout_change_seconds(graph.type(node.outputs[0]), target.vector_floats());
      continue;
    }
    const auto modes = layout_modes(graph, node, target);
    if (modes.size() == 1) continue;
    Form in = form(node.outputs[0]);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (follows_mode(graph, node, i)) in = form(node.inputs[i]);
    for (const Mode& mode : modes)
      if (mode.in == in && mode.out == form(node.outputs[0])) total += mode.seconds;
  }
  return total;
}

TEST(ChooseLayouts, ResNetIsOneBlockedRegionFromTheStemToTheLastPool) {
  for (const char* name : {"x86-64-avx2", "x86-64-avx512"}) {
    const Target machine = target(name);
    const int block = machine.vector_floats();
    const Graph graph = resnet18(224), result = choose_layouts(graph, machine);
    check(result);
    ASSERT_EQ(result.nodes[0].op, "conv");
    EXPECT_EQ(result.value(result.nodes[0].inputs[0]).layout, Layout{})
        << "the stem reads the image as it is";
    EXPECT_EQ(count(result, "layout"), 1) << "only where the region ends";
    for (const Node& node : result.nodes) {
      const Layout& layout = result.value(node.outputs[0]).layout;
      if (node.op == "layout")
        EXPECT_EQ(node.integer("block"), 1);
      else
        EXPECT_EQ(layout.block, node.op == "reshape" || node.op == "linear" ? 1 : block) << node.op;
    }
    const Uses found = uses(result);
    for (size_t i = 0; i < result.nodes.size(); ++i)
      if (result.nodes[i].op == "layout")
        EXPECT_EQ(
            result.nodes[static_cast<size_t>(found.producer[static_cast<size_t>(result.nodes[i].inputs[0])])]
                .op,
            "adaptive_avg_pool");
  }
}

TEST(ChooseLayouts, BordersAreAsWideAsTheWidestReaderWants) {
  NetworkBuilder net;
  const ValueId x = net.graph.add_input("x", {DType::f32, {1, 16, 40, 40}});
  const ValueId y = net.relu(net.conv(x, 32, 3, 1));
  const ValueId a = net.conv(y, 32, 5, 1), b = net.conv(y, 32, 1, 1);
  ValueId pooled = net.graph.add("max_pool", {y},
                                 {{"kernel", std::vector<int64_t>{4, 4}},
                                  {"stride", std::vector<int64_t>{1, 1}},
                                  {"padding", std::vector<int64_t>{0, 3, 0, 0}},
                                  {"dilation", std::vector<int64_t>{1, 1}},
                                  {"extra", std::vector<int64_t>{3, 0}}});
  const ValueId slim = net.conv(pooled, 32, 1, 1);
  net.graph.outputs = {net.add(a, b), net.relu(slim)};
  const Graph result = choose_layouts(net.graph, target("x86-64-avx2"));
  for (const Node& node : result.nodes) {
    if (node.op != "max_pool") continue;
    EXPECT_EQ(result.value(node.inputs[0]).layout, (Layout{8, {2, 3, 3, 2}}));
    EXPECT_EQ(result.value(node.outputs[0]).layout, (Layout{8, {}}));
  }
  check_same(net.graph, result, "choose_layouts");
}

TEST(ChooseLayouts, OutputsArePlainAndKeepTheirNames) {
  NetworkBuilder net;
  const ValueId x = net.graph.add_input("x", {DType::f32, {1, 32, 28, 28}});
  const ValueId y = net.conv(x, 64, 3, 1), z = net.conv(y, 64, 3, 1);
  net.graph.value(y).name = "features", net.graph.value(z).name = "deeper";
  net.graph.outputs = {y, z};
  const Graph result = choose_layouts(net.graph, target("x86-64-avx512"));
  EXPECT_GT(blocked(result), 0);
  ASSERT_EQ(result.outputs.size(), 2u);
  EXPECT_EQ(result.value(result.outputs[0]).name, "features");
  EXPECT_EQ(result.value(result.outputs[1]).name, "deeper");
  for (const ValueId output : result.outputs) EXPECT_EQ(result.value(output).layout, Layout{});
  check_same(net.graph, result, "choose_layouts");
  EXPECT_EQ(to_text(choose_layouts(result, target("x86-64-avx512"))), to_text(result)) << "once is enough";
}

TEST(ChooseLayouts, DepthwiseNetworksAreBlockedToo) {
  const Graph graph = inverted_residuals(64), result = choose_layouts(graph, target("x86-64-avx2"));
  check_same(graph, result, "choose_layouts");
  for (const Node& node : result.nodes)
    if (node.op == "conv") EXPECT_EQ(result.value(node.outputs[0]).layout.block, 8);
  EXPECT_EQ(count(result, "layout"), 1);
}

TEST(ChooseLayouts, WeighingChannelsKeepsTheRegionWhole) {
  const Graph graph = squeeze_and_excite(112), result = choose_layouts(graph, target("x86-64-avx2"));
  check_same(graph, result, "choose_layouts");
  for (const Node& node : result.nodes)
    if (node.op == "mul") EXPECT_EQ(result.value(node.inputs[1]).layout.block, 8);
  EXPECT_EQ(count(result, "layout"), 1);
}

TEST(ChooseLayouts, SmallOrUnfitWorkStaysPlain) {
  // One tiny convolution does not pay for two changes of layout.
  NetworkBuilder tiny;
  tiny.graph.outputs = {tiny.conv(tiny.graph.add_input("x", {DType::f32, {1, 16, 4, 4}}), 16, 1, 1)};
  EXPECT_EQ(blocked(choose_layouts(tiny.graph, target("x86-64-avx2"))), 0);
  // Two groups of several channels have no blocked kernel.
  NetworkBuilder grouped;
  grouped.graph.outputs = {
      grouped.conv(grouped.graph.add_input("x", {DType::f32, {1, 64, 56, 56}}), 64, 3, 1, 2)};
  EXPECT_EQ(blocked(choose_layouts(grouped.graph, target("x86-64-avx2"))), 0);
  // Concatenations of parts that end inside a block.
  NetworkBuilder parts;
  const ValueId x = parts.graph.add_input("x", {DType::f32, {1, 64, 28, 28}});
  const ValueId both =
      parts.graph.add("concat", {parts.conv(x, 20, 3, 1), parts.conv(x, 32, 3, 1)}, {{"axis", int64_t{1}}});
  parts.graph.outputs = {parts.conv(both, 64, 3, 1)};
  const Graph result = choose_layouts(parts.graph, target("x86-64-avx2"));
  for (const Node& node : result.nodes)
    if (node.op == "concat") EXPECT_EQ(result.value(node.outputs[0]).layout.block, 1);
  check_same(parts.graph, result, "choose_layouts");
}

TEST(ChooseLayouts, ConcatenationsOfWholeBlocksAreBlocked) {
  NetworkBuilder net;
  const ValueId x = net.graph.add_input("x", {DType::f32, {1, 64, 28, 28}});
  const ValueId both =
      net.graph.add("concat", {net.conv(x, 24, 3, 1), net.conv(x, 32, 3, 1)}, {{"axis", int64_t{1}}});
  net.graph.outputs = {net.conv(both, 64, 3, 1)};
  const Graph result = choose_layouts(net.graph, target("x86-64-avx2"));
  for (const Node& node : result.nodes)
    if (node.op == "concat") EXPECT_EQ(result.value(node.outputs[0]).layout, (Layout{8, {1, 1, 1, 1}}));
}

// Up to eight convolutions in chains, diamonds and residuals; what is chosen costs what the best of all
// choices does, and what is written down costs what was promised.
TEST(ChooseLayouts, EqualsBruteForceOnSmallGraphs) {
  core::Random random(5);
  const Target machine = target("x86-64-avx2");
  int mixed = 0;
  for (int trial = 0; trial < 60; ++trial) {
    NetworkBuilder net;
    const int64_t size = 4 + random.below(20);
    std::vector<ValueId> values{
        net.graph.add_input("x", {DType::f32, {1, 8 + 8 * random.below(3), size, size}})};
    const int64_t nodes = 1 + random.below(8);
    while (static_cast<int64_t>(net.graph.nodes.size()) < nodes) {
      const ValueId x = values[static_cast<size_t>(random.below(static_cast<int64_t>(values.size())))];
      const ValueId y = values.back();
      if (x != y && net.graph.type(x) == net.graph.type(y) && random.below(2))
        values.push_back(net.add(x, y));
      else if (random.below(5) == 0)
        values.push_back(net.graph.add("transpose", {x}, {{"axes", std::vector<int64_t>{0, 1, 3, 2}}}));
      else
        values.push_back(net.conv(x, 8 + 8 * random.below(2), random.below(2) ? 1 : 3, 1));
    }
    net.graph.outputs = {values.back()};
    const Graph graph = eliminate_dead(net.graph);
    const LayoutProblem problem = layout_problem(graph, machine);
    const PbqpSolution solution = solve(problem.pbqp);
    EXPECT_TRUE(solution.exact);
    EXPECT_NEAR(solution.cost, brute_force(problem.pbqp), 1e-12) << "trial " << trial;
    const Graph result = choose_layouts(graph, machine);
    EXPECT_NEAR(written_cost(result, machine), solution.cost, 1e-9) << to_text(result);
    const int found = blocked(result);
    mixed += found > 0 && count(result, "layout") > 0 ? 1 : 0;
  }
  EXPECT_GT(mixed, 5);
}

// Every layer reads all before it: no series-parallel graph, so the search is cut off.
TEST(ChooseLayouts, DenselyConnectedNetworksAreBlocked) {
  NetworkBuilder net;
  std::vector<ValueId> layers{net.conv(net.graph.add_input("x", {DType::f32, {1, 3, 28, 28}}), 16, 3, 1)};
  for (int i = 0; i < 20; ++i) {
    const ValueId all =
        layers.size() == 1 ? layers[0] : net.graph.add("concat", layers, {{"axis", int64_t{1}}});
    layers.push_back(net.relu(net.conv(all, 16, 3, 1)));
  }
  net.graph.outputs = {net.classifier(net.graph.add("concat", layers, {{"axis", int64_t{1}}}), 10)};
  const Graph result = choose_layouts(net.graph, target("x86-64-avx512"));
  check(result);
  EXPECT_EQ(count(result, "layout"), 1);
}

TEST(ChooseLayouts, KeepsWhatRandomGraphsCompute) {
  int found = 0;
  for (uint64_t seed = 0; seed < 100; ++seed)
    for (const char* name : {"x86-64-sse41", "x86-64-avx512"}) {
      const Graph graph = optimize(random_graph(seed)), result = choose_layouts(graph, target(name));
      EXPECT_NO_THROW(check_same(graph, result, "choose_layouts")) << "seed " << seed;
      EXPECT_EQ(to_text(parse_text(to_text(result), hashed_constants(result))), to_text(result));
      found += blocked(result) > 0 ? 1 : 0;
    }
  RecordProperty("blocked", found);
}

}  // namespace
}  // namespace lathe::compile
