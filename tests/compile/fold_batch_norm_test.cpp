#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/compile/expect_pass.h"
#include "tests/compile/random_graph.h"

namespace lathe::compile {
namespace {

using Integers = std::vector<int64_t>;

struct Case {
  const char* name;
  Shape input, weights;
  int64_t channels;
  std::string op;
  std::map<std::string, Attribute> attributes;
};

const Case kCases[] = {
    {"conv",
     {2, 3, 6, 5},
     {7, 3, 3, 3},
     7,
     "conv",
     {{"stride", Integers{2, 1}},
      {"padding", Integers{1, 0, 1, 1}},
      {"dilation", Integers{1, 1}},
      {"groups", int64_t{1}}}},
    {"depthwise",
     {1, 6, 5, 5},
     {6, 1, 3, 3},
     6,
     "conv",
     {{"stride", Integers{1, 1}},
      {"padding", Integers{1, 1, 1, 1}},
      {"dilation", Integers{1, 1}},
      {"groups", int64_t{6}}}},
    {"conv1d",
     {2, 4, 9},
     {6, 2, 3},
     6,
     "conv",
     {{"stride", Integers{1}},
      {"padding", Integers{1, 1}},
      {"dilation", Integers{2}},
      {"groups", int64_t{2}}}},
    {"conv_transpose",
     {1, 6, 4, 4},
     {6, 2, 3, 3},
     6,
     "conv_transpose",
     {{"stride", Integers{2, 2}},
      {"padding", Integers{1, 1, 1, 1}},
      {"dilation", Integers{1, 1}},
      {"groups", int64_t{3}},
      {"output_padding", Integers{1, 0}}}},
    {"linear", {5, 4}, {6, 4}, 6, "linear", {}},
};

Graph layer_and_norm(const Case& test, bool bias, bool read_twice) {
  core::Random random(7);
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, test.input});
  std::vector<ValueId> inputs{x, graph.add_constant(random_tensor(random, test.weights), "weight")};
  if (bias) inputs.push_back(graph.add_constant(random_tensor(random, {test.channels}), "bias"));
  const ValueId y = graph.add(test.op, inputs, test.attributes, "layer");
  const auto numbers = [&] { return graph.add_constant(random_tensor(random, {test.channels})); };
  const ValueId gamma = numbers(), beta = numbers(), mean = numbers();
  const ValueId variance = graph.add_constant(random_tensor(random, {test.channels}).square() + 0.1);
  graph.outputs = {graph.add("batch_norm", {y, gamma, beta, mean, variance}, {{"eps", 1e-3}}, "norm")};
  if (read_twice) graph.outputs.push_back(graph.add("tanh", {y}));
  return graph;
}

TEST(FoldBatchNorm, BecomesPartOfTheLayer) {
  for (const Case& test : kCases)
    for (const bool bias : {false, true}) {
      const Graph graph = layer_and_norm(test, bias, false), folded = fold_batch_norm(graph);
      ASSERT_EQ(folded.nodes.size(), 1u) << test.name;
      EXPECT_EQ(folded.nodes[0].source, "layer+norm");
      EXPECT_EQ(folded.value(folded.nodes[0].inputs[1]).name, "weight");
      const auto inputs = random_inputs(graph, 1);
      const auto expected = evaluate(graph, inputs, Precision::f64)[0],
                 got = evaluate(folded, inputs, Precision::f64)[0];
      EXPECT_LT((expected - got).abs().max().item<double>() / expected.abs().max().item<double>(), 1e-6)
          << test.name;
      EXPECT_TRUE(at::allclose(evaluate(graph, inputs)[0], evaluate(folded, inputs)[0], 1e-5, 1e-5))
          << test.name;
    }
}

TEST(FoldBatchNorm, BecomesAProductAndASumWhereTheLayerIsReadByOthers) {
  const Graph graph = layer_and_norm(kCases[0], true, true), folded = fold_batch_norm(graph);
  EXPECT_EQ(count(folded, "batch_norm"), 0);
  EXPECT_EQ(count(folded, "mul"), 1);
  EXPECT_EQ(count(folded, "add"), 1);
  check_same(graph, folded, "fold_batch_norm", 2);
}

TEST(FoldBatchNorm, WithoutALayerBecomesAProductAndASum) {
  expect_pass(
      fold_batch_norm,
      "input %0 : f32[1,2,3,1]\nconstant %1 : f32[2] = {4.0, 1.0}\nconstant %2 : f32[2] = {1.0, 2.0}\n"
      "constant %3 : f32[2] = {3.0, 0.5}\nconstant %4 : f32[2] = {3.0, 0.0}\n"
      "%5 = batch_norm(%0, %1, %2, %3, %4) {eps = 1.0} : f32[1,2,3,1]\noutput %5\n",
      "input %0 : f32[1,2,3,1]\nconstant %1 : f32[2,1,1] = {2.0, 1.0}\nconstant %2 : f32[2,1,1] = {-5.0, "
      "1.5}\n"
      "%3 = mul(%0, %1) : f32[1,2,3,1]\n%4 = add(%3, %2) : f32[1,2,3,1]\noutput %4\n");
}

TEST(FoldBatchNorm, StatisticsThatAreNotConstantStay) {
  const Graph graph = graph_of(
      "input %0 : f32[1,2,3]\ninput %1 : f32[2]\nconstant %2 : f32[2] = {1.0, 2.0}\n"
      "%3 = batch_norm(%0, %2, %2, %1, %2) {eps = 1.0} : f32[1,2,3]\noutput %3\n");
  EXPECT_EQ(count(fold_batch_norm(graph), "batch_norm"), 1);
}

}  // namespace
}  // namespace lathe::compile
