// Every operator's kernel against libtorch in double precision.
#include <set>

#include "lathe/compile/op.h"
#include "tests/compile/compiled.h"
#include "tests/compile/networks.h"
#include "tests/compile/random_graph.h"

namespace lathe::compile {
namespace {

using testing::expect_compiled;
using Attributes = std::map<std::string, Attribute>;
using Integers = std::vector<int64_t>;

// Graphs that together have every operator of the table.
class Kernels : public ::testing::Test {
 protected:
  static std::set<std::string>& seen() {
    static std::set<std::string> ops;
    return ops;
  }
  ValueId input(const std::string& name, Shape shape, DType dtype = DType::f32) {
    return graph_.add_input(name, {dtype, std::move(shape)});
  }
  ValueId constant(const Shape& shape, double scale = 1, double mean = 0) {
    return graph_.add_constant(random_tensor(random_, shape, scale, mean));
  }
  ValueId add(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    Node node;
    node.op = op;
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    const auto outputs = graph_.add(node);
    graph_.outputs.insert(graph_.outputs.end(), outputs.begin(), outputs.end());
    return outputs[0];
  }
  void check(double tolerance = 1e-5, CompileOptions options = {}) {
    for (const Node& node : graph_.nodes) seen().insert(node.op);
    expect_compiled(graph_, tolerance, std::move(options));
  }
  Graph graph_;
  core::Random random_{7};
};

TEST_F(Kernels, ElementwiseOfOne) {
  for (const Shape& shape : {Shape{1}, Shape{3, 7}, Shape{1, 5, 4099}}) {
    graph_ = {};
    const ValueId x = input("x", shape);
    for (const char* op :
         {"neg",  "abs",   "exp",       "sin",   "cos",         "tanh",      "sigmoid",  "erf",
          "relu", "gelu",  "gelu_tanh", "silu",  "hardsigmoid", "hardswish", "softplus", "softsign",
          "mish", "floor", "ceil",      "round", "sign",        "square",    "elu",      "selu"})
      add(op, {x}, std::string(op) == "elu" ? Attributes{{"alpha", 0.7}} : Attributes{});
    const ValueId positive = add("add", {add("square", {x}), constant({}, 0, 0.5)});
    for (const char* op : {"log", "sqrt", "rsqrt", "reciprocal"}) add(op, {positive});
    add("clamp", {x}, {{"min", -0.5}, {"max", 0.7}});
    add("leaky_relu", {x}, {{"slope", 0.2}});
    const ValueId bounded = graph_.add("tanh", {x});
    for (const char* op : {"asin", "acos", "atan"}) add(op, {bounded});
    add("atan", {x});
    add("identity", {x});
    add("logical_not", {add("greater", {x, constant({}, 0, 0.1)})});
    add("cast", {x}, {{"dtype", std::string("i32")}});
    check();
  }
}

TEST_F(Kernels, ElementwiseOfTwoAndThree) {
  const ValueId a = input("a", {2, 1, 13, 5}), b = input("b", {7, 1, 5}), c = input("c", {2, 7, 13, 5});
  for (const char* op : {"add", "sub", "mul", "maximum", "minimum", "prelu", "equal", "not_equal", "less",
                         "less_equal", "greater", "greater_equal"})
    add(op, {a, b});
  const ValueId positive = add("add", {add("abs", {b}), constant({}, 0, 0.5)});
  add("div", {a, positive});
  add("pow", {add("add", {add("abs", {c}), constant({}, 0, 0.1)}), b});
  const ValueId p = add("greater", {a, b}), q = add("less", {b, c});
  for (const char* op : {"logical_and", "logical_or", "logical_xor"}) add(op, {p, q});
  add("where", {p, a, c});
  const ValueId i = input("i", {7, 1, 5}, DType::i64);
  add("mod", {add("add", {i, i}), add("add", {i, graph_.add_constant(torch::tensor(int64_t{3}))})});
  check();
}

TEST_F(Kernels, WeighedChannels) {
  expect_compiled(squeeze_and_excite(20), 1e-5);
}

// As in libtorch, a rectifier does not hide that something went wrong.
TEST_F(Kernels, NotANumberStaysOne) {
  const ValueId x = input("x", {1, 8, 5, 9});
  add("relu", {x});
  add("relu", {graph_.add("neg", {x})});
  add("clamp", {x}, {{"min", 0.0}, {"max", 6.0}});
  add("hardswish", {x});
  const ValueId half = constant({1, 8, 5, 9});
  for (const char* op : {"maximum", "minimum"}) add(op, {x, half}), add(op, {half, x});
  for (const char* op : {"max", "min"})
    for (const int64_t axis : {1, 3}) add(op, {x}, {{"axes", Integers{axis}}, {"keepdims", int64_t{0}}});
  const size_t single = graph_.outputs.size();
  add("max_pool", {x},
      {{"kernel", Integers{3, 3}},
       {"stride", Integers{2, 2}},
       {"padding", Integers{1, 1, 1, 1}},
       {"dilation", Integers{1, 1}},
       {"extra", Integers{0, 0}}});
  add("relu", {graph_.add("conv", {x, constant({16, 8, 3, 3})},
                          {{"stride", Integers{1, 1}},
                           {"padding", Integers{1, 1, 1, 1}},
                           {"dilation", Integers{1, 1}},
                           {"groups", int64_t{1}}})});
  torch::Tensor values = torch::randn({1, 8, 5, 9});
  values[0][3][2][4] = std::nanf("");
  for (int level : {0, 3}) {
    const core::TemporaryDirectory directory;
    compile(graph_, directory.path() / "m", {.opt_level = level});
    const auto expected = evaluate(graph_, {values});
    const auto outputs = CompiledModel(directory.path() / "m", 1)({values});
    for (size_t i = 0; i < outputs.size(); ++i) {
      // Winograd's tiles spread it further than its neighbours.
      const torch::Tensor lost = expected[i].isnan().logical_and(outputs[i].isnan().logical_not());
      EXPECT_FALSE(lost.any().item<bool>()) << "output " << i << " level " << level;
      if (i < single) EXPECT_EQ(outputs[i].isnan().sum().item<int64_t>(), 1) << i;
    }
  }
}

// What is missing in a table is not a number, and takes the place that the model gives it.
TEST_F(Kernels, MissingNumbers) {
  const ValueId x = input("x", {2, 35});
  const ValueId missing = graph_.add("not_equal", {x, x}), there = graph_.add("equal", {x, x});
  add("where", {missing, constant({}, 0, 0.25), graph_.add("mul", {x, constant({35})})});
  add("cast", {there}, {{"dtype", std::string("f32")}});
  torch::Tensor table = torch::randn({2, 35});
  table[0][3] = table[1][0] = table[1][34] = std::nanf("");
  for (int level : {0, 3}) {
    CompileOptions options;
    options.opt_level = level;
    expect_compiled(graph_, 1e-5, options, {table});
  }
}

TEST_F(Kernels, Reductions) {
  for (const Shape& shape : {Shape{4, 31, 17}, Shape{1, 1, 1}, Shape{2, 3, 4099}}) {
    graph_ = {};
    const ValueId x = input("x", shape);
    for (const char* op : {"sum", "mean", "prod", "max", "min"})
      for (const Integers& axes : {Integers{0}, {1}, {2}, {0, 2}, {1, 2}, {0, 1, 2}})
        if (std::string(op) != "prod" || axes.size() == 1)
          add(op, {x}, {{"axes", axes}, {"keepdims", int64_t{axes.size() == 2}}});
    for (const char* op : {"argmax", "argmin"})
      for (int64_t axis : {0, 1, 2}) add(op, {x}, {{"axis", axis}, {"keepdims", axis % 2}});
    for (const char* op : {"softmax", "log_softmax"})
      for (int64_t axis : {0, 1, 2}) add(op, {x}, {{"axis", axis}});
    check();
  }
}

TEST_F(Kernels, Top) {
  const ValueId x = input("x", {3, 23, 5});
  add("topk", {x}, {{"k", int64_t{4}}, {"axis", int64_t{1}}, {"largest", int64_t{1}}});
  add("topk", {x}, {{"k", int64_t{2}}, {"axis", int64_t{2}}, {"largest", int64_t{0}}});
  check();
}

TEST_F(Kernels, Norms) {
  const ValueId x = input("x", {2, 12, 7, 5});
  add("layer_norm", {x, constant({5}), constant({5})}, {{"num_axes", int64_t{1}}, {"eps", 1e-5}});
  add("layer_norm", {x}, {{"num_axes", int64_t{2}}, {"eps", 1e-5}});
  add("group_norm", {x, constant({12}), constant({12})}, {{"groups", int64_t{3}}, {"eps", 1e-5}});
  add("instance_norm", {x}, {{"eps", 1e-5}});
  add("batch_norm",
      {x, constant({12}), constant({12}), constant({12}), graph_.add_constant(torch::rand({12}) + 0.5)},
      {{"eps", 1e-5}});
  const ValueId wide = input("wide", {3, 257});
  add("layer_norm", {wide, constant({257}), constant({257})}, {{"num_axes", int64_t{1}}, {"eps", 1e-5}});
  check();
}

TEST_F(Kernels, Pools) {
  const ValueId x = input("x", {2, 11, 9, 14});
  const Attributes window = {{"kernel", Integers{3, 2}},
                             {"stride", Integers{2, 2}},
                             {"padding", Integers{1, 0, 1, 1}},
                             {"extra", Integers{1, 0}}};
  Attributes max = window, counted = window, uncounted = window;
  max["dilation"] = Integers{1, 1};
  counted["count_include_pad"] = int64_t{1};
  uncounted["count_include_pad"] = int64_t{0};
  add("max_pool", {x}, max);
  add("avg_pool", {x}, counted);
  add("avg_pool", {x}, uncounted);
  for (const char* op : {"adaptive_avg_pool", "adaptive_max_pool"})
    for (const Integers& size : {Integers{1, 1}, {3, 7}, {4, 5}}) add(op, {x}, {{"output_size", size}});
  const ValueId line = input("line", {1, 4, 31});
  add("max_pool", {line},
      {{"kernel", Integers{4}},
       {"stride", Integers{3}},
       {"padding", Integers{2, 2}},
       {"dilation", Integers{1}},
       {"extra", Integers{0}}});
  check();
}

TEST_F(Kernels, Convolutions) {
  const auto conv = [&](ValueId x, Shape weight, int64_t stride, int64_t padding, int64_t dilation,
                        int64_t groups) {
    const size_t axes = weight.size() - 2;
    return add("conv", {x, constant(weight, 0.2), constant({weight[0]})},
               {{"stride", Integers(axes, stride)},
                {"padding", Integers(2 * axes, padding)},
                {"dilation", Integers(axes, dilation)},
                {"groups", groups}});
  };
  const ValueId image = input("image", {2, 12, 11, 13});
  conv(image, {8, 12, 3, 3}, 1, 1, 1, 1);
  conv(image, {7, 12, 3, 3}, 2, 0, 1, 1);
  conv(image, {16, 12, 3, 3}, 1, 2, 2, 1);
  conv(image, {12, 1, 3, 3}, 1, 1, 1, 12);
  conv(image, {24, 3, 3, 3}, 1, 1, 1, 4);
  conv(image, {20, 12, 1, 1}, 3, 0, 1, 1);
  conv(input("line", {1, 5, 29}), {6, 5, 4}, 2, 1, 1, 1);
  conv(input("volume", {1, 2, 5, 6, 7}), {3, 2, 2, 3, 2}, 1, 1, 1, 1);
  add("conv_transpose", {image, constant({12, 5, 4, 4}, 0.2), constant({5})},
      {{"stride", Integers{2, 2}},
       {"padding", Integers(4, 1)},
       {"dilation", Integers{1, 1}},
       {"groups", int64_t{1}},
       {"output_padding", Integers{1, 1}}});
  add("conv_transpose", {image, constant({12, 2, 3, 3}, 0.2)},
      {{"stride", Integers{1, 1}},
       {"padding", Integers(4, 0)},
       {"dilation", Integers{2, 2}},
       {"groups", int64_t{3}},
       {"output_padding", Integers{0, 0}}});
  check();
}

TEST_F(Kernels, Products) {
  const ValueId a = input("a", {2, 3, 11, 17}), b = input("b", {3, 17, 9}), v = input("v", {1, 4097});
  add("matmul", {a, b});
  add("matmul", {input("row", {1, 17}), input("matrix", {17, 130})});
  add("linear", {a, constant({33, 17}), constant({33})});
  add("linear", {v, constant({3, 4097}, 0.05)});
  add("linear", {input("y", {6, 10}), input("w", {5, 10}), input("bias", {5})});
  const ValueId q = input("q", {2, 3, 7, 16}), k = input("k", {2, 3, 9, 16}),
                value = input("value", {2, 3, 9, 8});
  add("attention", {q, k, value}, {{"scale", 0.25}, {"causal", int64_t{0}}});
  add("attention", {q, k, value, constant({7, 9})}, {{"scale", 0.25}, {"causal", int64_t{0}}});
  add("attention", {q, q, q}, {{"scale", 0.25}, {"causal", int64_t{1}}});
  check();
}

TEST_F(Kernels, Shapes) {
  const ValueId x = input("x", {2, 6, 5, 7}), row = input("row", {1, 6, 1, 7});
  add("reshape", {x}, {{"shape", Integers{12, 35}}});
  add("relu", {add("reshape", {x}, {{"shape", Integers{4, 105}}})});
  add("transpose", {x}, {{"axes", Integers{0, 2, 3, 1}}});
  add("broadcast", {row}, {{"shape", Integers{2, 6, 5, 7}}});
  add("slice", {x},
      {{"starts", Integers{0, 1, 0, 2}}, {"ends", Integers{2, 6, 5, 7}}, {"steps", Integers{1, 2, 1, 3}}});
  add("flip", {x}, {{"axes", Integers{1, 3}}});
  for (const char* mode : {"constant", "reflect", "edge"})
    add("pad", {x},
        {{"before", Integers{0, 0, 2, 1}},
         {"after", Integers{0, 0, 1, 3}},
         {"mode", std::string(mode)},
         {"value", 0.5}});
  add("concat", {x, row == x ? x : add("neg", {x}), x}, {{"axis", int64_t{1}}});
  add("concat", {x, x}, {{"axis", int64_t{3}}});
  const ValueId indices =
      graph_.add_constant(torch::tensor({int64_t{3}, int64_t{0}, int64_t{-1}, int64_t{3}}).view({2, 2}));
  add("gather", {x, indices}, {{"axis", int64_t{1}}});
  const ValueId ids = input("ids", {4}, DType::i64);
  add("gather", {constant({9, 19}), ids}, {{"axis", int64_t{0}}});
  for (const char* coordinates : {"half_pixel", "align_corners", "asymmetric"}) {
    add("resize", {x},
        {{"sizes", Integers{9, 11}},
         {"mode", std::string("linear")},
         {"coordinates", std::string(coordinates)}});
    add("resize", {x},
        {{"sizes", Integers{10, 3}},
         {"mode", std::string("nearest")},
         {"coordinates", std::string(coordinates)},
         {"rounding", std::string("floor")}});
  }
  check();
}

TEST_F(Kernels, Integers) {
  const ValueId x = input("x", {2, 6, 5});
  const auto scales = std::vector<double>{0.1, 0.02, 0.3, 0.05, 0.11, 0.07};
  const ValueId q = add("quantize", {x},
                        {{"scale", std::vector<double>{0.05}},
                         {"zero_point", Integers{128}},
                         {"axis", int64_t{0}},
                         {"dtype", std::string("u8")}});
  add("dequantize", {q},
      {{"scale", std::vector<double>{0.05}}, {"zero_point", Integers{128}}, {"axis", int64_t{0}}});
  const ValueId p = add("quantize", {x},
                        {{"scale", scales},
                         {"zero_point", Integers(6, 0)},
                         {"axis", int64_t{1}},
                         {"dtype", std::string("i8")}});
  add("dequantize", {p}, {{"scale", scales}, {"zero_point", Integers(6, 0)}, {"axis", int64_t{1}}});
  check();
}

// To the bit in quantize_test.cpp.
TEST_F(Kernels, LayersOfBytes) {
  const auto bytes = [&](const Shape& shape) {
    return graph_.add_constant((random_tensor(random_, shape, 30, 0)).clamp(-63, 63).to(torch::kInt8));
  };
  const ValueId x = input("x", {1, 8, 9, 7}, DType::u8);
  add("conv_integer", {x, bytes({12, 8, 3, 3})},
      {{"stride", Integers{1, 1}},
       {"padding", Integers{1, 1, 1, 1}},
       {"dilation", Integers{1, 1}},
       {"groups", int64_t{1}},
       {"zero_point", int64_t{2}}});
  add("linear_integer", {input("rows", {3, 20}, DType::u8), bytes({10, 20})}, {{"zero_point", int64_t{1}}});
  check();
}

TEST_F(Kernels, Recurrent) {
  const ValueId x = input("x", {6, 3, 10});
  for (int64_t reverse : {0, 1}) {
    const Attributes direction = {{"reverse", reverse}};
    add("lstm",
        {x, constant({76, 10}, 0.3), constant({76, 19}, 0.3), constant({76}), constant({3, 19}),
         input("c0" + std::to_string(reverse), {3, 19})},
        direction);
    add("gru",
        {x, constant({48, 10}, 0.3), constant({48, 16}, 0.3), constant({48}), constant({48}),
         input("h0" + std::to_string(reverse), {3, 16})},
        direction);
  }
  check();
}

// `layout` is made by a pass; convolutions above had it.
TEST_F(Kernels, ThatIsAllOfTheTable) {
  if (seen().size() < 40) GTEST_SKIP() << "only when all of Kernels run";
  std::vector<std::string> missing;
  for (const std::string& name : op_names())
    if (name != "layout" && !seen().count(name)) missing.push_back(name);
  EXPECT_EQ(missing, std::vector<std::string>());
  EXPECT_GE(op_names().size(), 70u);
}

// Levels of optimisation and threads change no result.
TEST(RandomGraphs, AllLevelsAgreeWithTheReference) {
  const char* count = std::getenv("LATHE_RANDOM_GRAPHS");
  const uint64_t last = count ? std::stoull(count) : 6;
  for (uint64_t seed = 0; seed < last; ++seed) {
    SCOPED_TRACE(seed);
    const Graph graph = random_graph(seed, 18);
    for (int level : {0, 3}) {
      CompileOptions options;
      options.opt_level = level;
      expect_compiled(graph, 1e-4, options, random_inputs(graph, seed), level == 3 ? 2 : 1);
    }
  }
}

}  // namespace
}  // namespace lathe::compile
