#include "lathe/compile/graph.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lathe/compile/text.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

template <typename Exception, typename Function>
std::string message(Function function) {
  try {
    function();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(DTypes, NamesSizesAndTorchTypesAgree) {
  for (const DType dtype :
       {DType::f32, DType::f64, DType::i64, DType::i32, DType::i16, DType::i8, DType::u8, DType::boolean}) {
    EXPECT_EQ(dtype_of(name_of(dtype)), dtype);
    EXPECT_EQ(dtype_of(scalar_type(dtype)), dtype);
    EXPECT_EQ(size_of(dtype), static_cast<int64_t>(c10::elementSize(scalar_type(dtype))));
  }
  EXPECT_EQ(message<InputError>([] { dtype_of("float"); }),
            "unknown type 'float'; known: f32, f64, i64, i32, i16, i8, u8, bool");
  EXPECT_THROW(dtype_of(torch::kHalf), InputError);
}

TEST(Storage, CountsBlocksAndBorders) {
  const Type image{DType::f32, {2, 20, 5, 7}};
  EXPECT_EQ(storage_bytes(image, {}), 2 * 20 * 5 * 7 * 4);
  EXPECT_EQ(storage_bytes(image, {8, {}}), 2 * 24 * 5 * 7 * 4);
  EXPECT_EQ(storage_bytes(image, {8, {1, 2, 3, 4}}), 2 * 24 * 8 * 14 * 4);
  EXPECT_EQ(storage_bytes({DType::u8, {}}, {}), 1);
  EXPECT_THROW(storage_bytes({DType::f32, {2, 3}}, {8, {}}), Error);
  EXPECT_THROW((Type{DType::f32, {int64_t{1} << 40, int64_t{1} << 40}}.numel()), InputError);
}

TEST(Nodes, AttributesHaveKinds) {
  Node node{"conv",
            {},
            {},
            {{"groups", int64_t{2}},
             {"eps", 0.5},
             {"mode", std::string("edge")},
             {"pads", std::vector<int64_t>{1}}},
            ""};
  EXPECT_EQ(node.integer("groups"), 2);
  EXPECT_EQ(node.number("groups"), 2.0);
  EXPECT_EQ(node.number("eps"), 0.5);
  EXPECT_EQ(node.integer("none", 7), 7);
  EXPECT_EQ(node.text("mode"), "edge");
  EXPECT_EQ(node.integers("pads"), std::vector<int64_t>{1});
  EXPECT_EQ(message<Error>([&] { node.integer("eps"); }), "attribute 'eps' of conv is not an integer");
  EXPECT_EQ(message<Error>([&] { node.integers("none"); }), "conv has no attribute 'none'");
}

// By hand: relu(x + x) of (1, -2).
TEST(Evaluate, RunsNodesInOrder) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {2}});
  const ValueId twice = graph.add("add", {x, x});
  graph.add("exp", {twice});  // nobody needs it
  graph.outputs = {graph.add("relu", {twice})};
  const auto outputs = evaluate(graph, {at::tensor({1.0f, -2.0f})});
  EXPECT_TRUE(at::equal(outputs[0], at::tensor({2.0f, 0.0f})));
  const auto all = evaluate_all(graph, {at::tensor({1.0f, -2.0f})});
  EXPECT_TRUE(at::equal(all[1], at::tensor({2.0f, -4.0f})));
  EXPECT_FALSE(all[2].defined());
  const Uses found = uses(graph);
  EXPECT_EQ(found.producer, (std::vector<int>{-1, 0, 1, 2}));
  EXPECT_EQ(found.readers[0], std::vector<int>{0});
  EXPECT_EQ(found.readers[1], (std::vector<int>{1, 2}));
}

TEST(Evaluate, WidensEverythingInDoublePrecision) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {1}});
  const ValueId sum = graph.add("add", {x, graph.add_constant(at::tensor({1e-10f}))});
  graph.outputs = {graph.add("sub", {graph.add("cast", {sum}, {{"dtype", std::string("f32")}}), x}), sum};
  const auto one = at::ones({1});
  EXPECT_EQ(evaluate(graph, {one})[1].scalar_type(), at::kFloat);
  const auto wide = evaluate(graph, {one}, Precision::f64);
  EXPECT_EQ(wide[0].scalar_type(), at::kDouble);
  EXPECT_NEAR(wide[1].item<double>() - 1, 1e-10, 1e-15);
}

TEST(Evaluate, RefusesInputsOfAnotherType) {
  Graph graph;
  graph.name = "net";
  graph.outputs = {graph.add("relu", {graph.add_input("x", {DType::f32, {2, 3}})})};
  EXPECT_EQ(message<InputError>([&] {
              evaluate(graph, {at::ones({3, 2})});
            }),
            "input 'x' must be f32[2,3], got f32[3,2]");
  EXPECT_EQ(message<InputError>([&] {
              evaluate(graph, {at::ones({2, 3}, at::kLong)});
            }),
            "input 'x' must be f32[2,3], got i64[2,3]");
  EXPECT_EQ(message<InputError>([&] { evaluate(graph, {}); }), "net has 1 inputs, got 0");
}

TEST(Check, NamesTheNodeThatIsWrong) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {2}});
  const ValueId y = graph.add("relu", {x}, {}, "head");
  graph.outputs = {graph.add("exp", {y})};
  check(graph);
  Graph type = graph;
  type.value(y).type.shape = {3};
  EXPECT_EQ(message<Error>([&] { check(type); }),
            "node 0, relu (head): its output is declared f32[3] and is f32[2]");
  Graph order = graph;
  std::swap(order.nodes[0], order.nodes[1]);
  EXPECT_EQ(message<Error>([&] { check(order); }), "node 0, exp: value %1 is read before it is made");
  Graph twice = graph;
  twice.nodes[1].outputs = {y};
  EXPECT_EQ(message<Error>([&] { check(twice); }), "node 1, exp: value %1 is made a second time");
  Graph layout = graph;
  layout.value(y).layout.block = 8;
  EXPECT_EQ(message<Error>([&] { check(layout); }),
            "node 0, relu (head): f32[2] in a blocked layout; only [N,C,H,W] can be");
  Graph output = graph;
  output.outputs = {99};
  EXPECT_EQ(message<Error>([&] { check(output); }), "outputs: no value %99");
}

TEST(Add, RefusesWhatTheOperatorRefuses) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {2}});
  EXPECT_THROW(graph.add("rleu", {x}), InputError);
  EXPECT_THROW(graph.add("relu", {x, x}), InputError);
  EXPECT_THROW(graph.add("relu", {7}), Error);
  EXPECT_THROW(graph.add_input("x", {DType::f32, {-1}}), InputError);
  EXPECT_TRUE(graph.nodes.empty());
}

}  // namespace
}  // namespace lathe::compile
