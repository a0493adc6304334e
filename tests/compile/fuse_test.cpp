#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

#include "lathe/compile/op.h"
#include "tests/compile/expect_pass.h"
#include "tests/compile/networks.h"
#include "tests/compile/random_graph.h"

namespace lathe::compile {
namespace {

// "conv relu | add": the operators of each group.
std::string groups_of(const Graph& graph) {
  std::string text;
  for (const Group& group : fuse(graph)) {
    if (!text.empty()) text += " | ";
    for (size_t i = 0; i < group.nodes.size(); ++i)
      text += (i ? " " : "") + graph.nodes[static_cast<size_t>(group.nodes[i])].op;
  }
  return text;
}

// Every node in a group, convolutions and other work in one only, each group with one value that others see,
// and everything that a group reads is made before it.
void expect_sound(const Graph& graph) {
  const auto groups = fuse(graph);
  std::vector<int> times(graph.nodes.size());
  std::set<ValueId> made(graph.inputs.begin(), graph.inputs.end());
  for (size_t i = 0; i < graph.values.size(); ++i)
    if (graph.values[i].is_constant()) made.insert(static_cast<ValueId>(i));
  for (const Group& group : groups) {
    std::set<ValueId> inside;
    int complex = 0, reductions = 0;
    EXPECT_TRUE(std::is_sorted(group.nodes.begin(), group.nodes.end()));
    for (const int index : group.nodes) {
      const Node& node = graph.nodes[static_cast<size_t>(index)];
      ++times[static_cast<size_t>(index)];
      complex += op(node.op).kind == OpClass::complex ? 1 : 0;
      reductions += op(node.op).kind == OpClass::reduction ? 1 : 0;
      if (op(node.op).kind == OpClass::opaque) EXPECT_EQ(group.nodes.size(), 1u);
      for (const ValueId input : node.inputs)
        EXPECT_TRUE(inside.count(input) || made.count(input))
            << "value " << input << " in " << to_text(graph);
      inside.insert(node.outputs.begin(), node.outputs.end());
    }
    EXPECT_LE(complex + reductions, 1);
    const Node& last = graph.nodes[static_cast<size_t>(group.nodes.back())];
    made.insert(last.outputs.begin(), last.outputs.end());  // nothing else of it is seen outside
  }
  for (const ValueId output : graph.outputs) EXPECT_TRUE(made.count(output));
  for (size_t i = 0; i < times.size(); ++i) {
    EXPECT_GE(times[i], 1);
    if (op(graph.nodes[i].op).kind != OpClass::injective) EXPECT_EQ(times[i], 1);
  }
}

struct Case {
  const char* name;
  std::string text, groups;
};

const std::string kImage = "input %0 : f32[1,2,4,4]\nconstant %1 : f32[2,2,1,1] = {1.0, 2.0, 3.0, 4.0}\n";
std::string conv(int id, int x) {
  return "%" + std::to_string(id) + " = conv(%" + std::to_string(x) +
         ", %1) {dilation = [1, 1], groups = 1, padding = [0, 0, 0, 0], stride = [1, 1]} : f32[1,2,4,4]\n";
}
std::string node(int id, const std::string& call, const std::string& type = "f32[1,2,4,4]") {
  return "%" + std::to_string(id) + " = " + call + " : " + type + "\n";
}

const Case kCases[] = {
    {"a convolution takes what follows element by element",
     kImage + conv(2, 0) + node(3, "relu(%2)") + node(4, "tanh(%3)") + "output %4\n", "conv relu tanh"},
    {"and not what comes before", kImage + node(2, "relu(%0)") + conv(3, 2) + "output %3\n", "relu | conv"},
    {"a residual goes to the convolution that runs last",
     kImage + conv(2, 0) + conv(3, 0) + node(4, "relu(%3)") + conv(5, 4) + node(6, "add(%5, %2)") +
         node(7, "relu(%6)") + "output %7\n",
     "conv | conv relu | conv add relu"},
    {"a value that two convolutions read is stored",
     kImage + conv(2, 0) + node(3, "relu(%2)") + conv(4, 3) + node(5, "add(%4, %3)") + "output %5\n",
     "conv relu | conv add"},
    {"a diamond closes inside",
     kImage + conv(2, 0) + node(3, "sigmoid(%2)") + node(4, "mul(%2, %3)") + node(5, "relu(%4)") +
         "output %5\n",
     "conv sigmoid mul relu"},
    {"an output is seen outside", kImage + conv(2, 0) + node(3, "relu(%2)") + "output %2, %3\n",
     "conv | relu"},
    {"a diamond of element-wise nodes is one",
     "input %0 : f32[8]\n" + node(1, "exp(%0)", "f32[8]") + node(2, "tanh(%1)", "f32[8]") +
         node(3, "sigmoid(%1)", "f32[8]") + node(4, "add(%2, %3)", "f32[8]") + "output %4\n",
     "exp tanh sigmoid add"},
    {"a diamond through a reduction is not",
     "input %0 : f32[8]\n" + node(1, "exp(%0)", "f32[8]") +
         node(2, "sum(%1) {axes = [0], keepdims = 1}", "f32[1]") + node(3, "div(%1, %2)", "f32[8]") +
         "output %3\n",
     "exp | sum | div"},
    {"a cheap node is computed twice rather than stored",
     "input %0 : f32[8]\n" + node(1, "relu(%0)", "f32[8]") + node(2, "exp(%1)", "f32[8]") +
         node(3, "tanh(%1)", "f32[8]") + "output %2, %3\n",
     "relu exp | relu tanh"},
    {"an expensive one is not",
     "input %0 : f32[8]\n" + node(1, "exp(%0)", "f32[8]") + node(2, "relu(%1)", "f32[8]") +
         node(3, "tanh(%1)", "f32[8]") + "output %2, %3\n",
     "exp | relu | tanh"},
    {"nor is one that a convolution needs stored anyway",
     kImage + node(2, "relu(%0)") + conv(3, 2) + node(4, "tanh(%2)") + "output %3, %4\n",
     "relu | conv | tanh"},
    {"shapes go with arithmetic",
     "input %0 : f32[4,6]\n" + node(1, "exp(%0)", "f32[4,6]") +
         node(2, "transpose(%1) {axes = [1, 0]}", "f32[6,4]") +
         node(3, "reshape(%2) {shape = [24]}", "f32[24]") + node(4, "neg(%3)", "f32[24]") + "output %4\n",
     "exp transpose reshape neg"},
    {"a reduction takes what comes before and what follows in its shape",
     "input %0 : f32[4,6]\n" + node(1, "exp(%0)", "f32[4,6]") +
         node(2, "transpose(%1) {axes = [1, 0]}", "f32[6,4]") +
         node(3, "sum(%2) {axes = [1], keepdims = 0}", "f32[6]") + node(4, "sqrt(%3)", "f32[6]") +
         node(5, "reshape(%4) {shape = [2, 3]}", "f32[2,3]") + "output %5\n",
     "exp transpose sum sqrt | reshape"},
    {"one reduction in a group",
     "input %0 : f32[4,6]\n" + node(1, "softmax(%0) {axis = 1}", "f32[4,6]") +
         node(2, "sum(%1) {axes = [1], keepdims = 0}", "f32[4]") + "output %2\n",
     "softmax | sum"},
    {"a concatenation takes element-wise parts and ends the chain",
     "input %0 : f32[2,3]\n" + node(1, "exp(%0)", "f32[2,3]") +
         node(2, "transpose(%0) {axes = [1, 0]}", "f32[3,2]") +
         node(3, "reshape(%2) {shape = [2, 3]}", "f32[2,3]") +
         node(4, "concat(%1, %3) {axis = 0}", "f32[4,3]") + node(5, "tanh(%4)", "f32[4,3]") + "output %5\n",
     "transpose reshape | exp concat | tanh"},
    {"a part that others read too stays outside",
     "input %0 : f32[2,3]\n" + node(1, "exp(%0)", "f32[2,3]") +
         node(2, "concat(%1, %0) {axis = 0}", "f32[4,3]") + node(3, "neg(%1)", "f32[2,3]") +
         "output %2, %3\n",
     "exp | concat | neg"},
    {"an addition of another shape follows no convolution",
     kImage + "input %2 : f32[3,2,4,4]\n" + conv(3, 0) + node(4, "add(%3, %2)", "f32[3,2,4,4]") +
         "output %4\n",
     "conv | add"},
    {"numbers per channel do, numbers per row do not",
     kImage + "input %2 : f32[2,1,1]\ninput %3 : f32[4,1]\n" + conv(4, 0) + node(5, "mul(%4, %2)") +
         node(6, "mul(%5, %3)") + "output %6\n",
     "conv mul | mul"},
    {"nothing expensive is broadcast from inside",
     "input %0 : f32[2,3]\ninput %1 : f32[2,1]\n" + node(2, "sigmoid(%1)", "f32[2,1]") +
         node(3, "mul(%0, %2)", "f32[2,3]") + "output %3\n",
     "sigmoid | mul"},
    {"layouts change with element-wise neighbours",
     kImage + node(2, "tanh(%0)") + "%3 = layout(%2) {block = 8} : f32[1,2,4,4] layout(8)\n" +
         "%4 = relu(%3) : f32[1,2,4,4] layout(8)\n" + "%5 = layout(%4) {block = 1} : f32[1,2,4,4]\n" +
         node(6, "transpose(%5) {axes = [0, 1, 3, 2]}") + "output %6\n",
     "tanh layout relu | layout | transpose"},
    {"what is opaque stays alone",
     "input %0 : f32[4]\n" + node(1, "neg(%0)", "f32[4]") +
         "%2, %3 = topk(%1) {axis = 0, k = 2, largest = 1} : f32[2], i64[2]\n" +
         node(4, "exp(%2)", "f32[2]") + "output %4, %3\n",
     "neg | topk | exp"},
};

TEST(Fuse, HandDrawnGraphsGiveTheListedGroups) {
  for (const Case& test : kCases) {
    const Graph graph = graph_of(test.text);
    EXPECT_EQ(groups_of(graph), test.groups) << test.name;
    expect_sound(graph);
  }
}

TEST(Fuse, ResNetHasOneKernelForEachConvolutionAndPool) {
  const Graph graph = resnet18(64, 16);
  const auto groups = fuse(graph);
  EXPECT_EQ(groups.size(), 20u + 2 + 2);  // convolutions, pools, reshape, linear
  expect_sound(graph);
}

// All passes one after another, from a network with its batch norms to kernels.
TEST(Fuse, ResNetComesThroughAllPasses) {
  const Graph graph = resnet18(64, 16, Norms::separate), best = optimize(graph);
  EXPECT_EQ(count(graph, "batch_norm"), 20);
  EXPECT_EQ(best.nodes.size(), 20u + 17 + 8 + 2 + 2);  // convolutions, relu, add, pools, reshape and linear
  const Graph result = choose_layouts(best, target("x86-64-avx2"));
  check_same(graph, result, "all of them");
  EXPECT_EQ(count(result, "layout"), 1);
  EXPECT_EQ(fuse(result).size(), 20u + 2 + 2 + 1);
  expect_sound(result);
}

TEST(Fuse, LongChainsAreCut) {
  Graph graph;
  ValueId x = graph.add_input("x", {DType::f32, {4}});
  for (int i = 0; i < 600; ++i) x = graph.add("tanh", {x});
  graph.outputs = {x};
  for (const Group& group : fuse(graph)) EXPECT_LE(group.nodes.size(), 256u);
  expect_sound(graph);
}

TEST(Fuse, RandomGraphsAreGroupedSoundly) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Graph graph = optimize(random_graph(seed));
    expect_sound(graph);
    expect_sound(choose_layouts(graph, target("x86-64-sse41")));
    EXPECT_EQ(singletons(graph).size(), graph.nodes.size());
  }
}

}  // namespace
}  // namespace lathe::compile
