// Compiled code against libtorch.
#include "lathe/compile/compile.h"

#include "tests/compile/compiled.h"

namespace lathe::compile {
namespace {

using testing::expect_compiled;
using Attributes = std::map<std::string, Attribute>;
using Integers = std::vector<int64_t>;

Graph unary_graph(const std::string& op, Attributes attributes, Shape shape) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::f32, shape});
  g.outputs = {g.add(op, {x}, std::move(attributes))};
  return g;
}

TEST(Compile, Relu) {
  expect_compiled(unary_graph("relu", {}, {3, 5, 7}));
}
TEST(Compile, LongLine) {
  expect_compiled(unary_graph("tanh", {}, {1000003}));
}
TEST(Compile, Softmax) {
  for (int64_t axis : {0, 1, 2}) expect_compiled(unary_graph("softmax", {{"axis", axis}}, {3, 37, 19}));
}
TEST(Compile, Sum) {
  for (const Integers& axes : {Integers{0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}})
    expect_compiled(unary_graph("sum", {{"axes", axes}, {"keepdims", int64_t{0}}}, {3, 37, 19}));
}

Graph convolution(int64_t batch, int64_t in, int64_t out, int64_t size, int64_t kernel, int64_t stride,
                  int64_t padding, int64_t groups) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::f32, {batch, in, size, size}});
  const ValueId w = g.add_constant(torch::randn({out, in / groups, kernel, kernel}) * 0.1, "w");
  const ValueId b = g.add_constant(torch::randn({out}), "b");
  const ValueId y = g.add("conv", {x, w, b},
                          {{"stride", Integers{stride, stride}},
                           {"padding", Integers(4, padding)},
                           {"dilation", Integers{1, 1}},
                           {"groups", groups}});
  g.outputs = {g.add("relu", {y})};
  return g;
}

TEST(Compile, Convolutions) {
  expect_compiled(convolution(1, 3, 16, 32, 3, 1, 1, 1));
  expect_compiled(convolution(1, 32, 32, 14, 1, 1, 0, 1));
  expect_compiled(convolution(2, 16, 24, 15, 5, 2, 2, 1));
  expect_compiled(convolution(1, 32, 32, 16, 3, 1, 1, 32));
  expect_compiled(convolution(1, 12, 8, 9, 3, 1, 1, 4));
}
TEST(Compile, Winograd) {
  expect_compiled(convolution(1, 32, 48, 56, 3, 1, 1, 1), 1e-4);
  expect_compiled(convolution(1, 64, 64, 7, 3, 1, 1, 1), 1e-4);
  expect_compiled(convolution(2, 64, 32, 13, 3, 1, 1, 1), 1e-4);
}

TEST(Compile, Linear) {
  for (int64_t rows : {1, 3, 35, 128})
    for (int64_t columns : {10, 64, 1000}) {
      Graph g;
      const ValueId x = g.add_input("x", {DType::f32, {rows, 67}});
      const ValueId w = g.add_constant(torch::randn({columns, 67}), "w");
      const ValueId b = g.add_constant(torch::randn({columns}), "b");
      g.outputs = {g.add("gelu", {g.add("linear", {x, w, b})})};
      expect_compiled(g);
    }
}

TEST(Compile, Lstm) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::f32, {7, 1, 20}});
  const auto constant = [&](Shape shape) { return g.add_constant(torch::randn(shape) * 0.3); };
  Node node;
  node.op = "lstm";
  node.inputs = {
      x, constant({128, 20}), constant({128, 32}), constant({128}), constant({1, 32}), constant({1, 32})};
  node.attributes = {{"reverse", int64_t{0}}};
  g.outputs = g.add(node);
  expect_compiled(g);
}

}  // namespace
}  // namespace lathe::compile
