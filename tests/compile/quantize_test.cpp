#include "lathe/compile/quantize.h"

#include <set>

#include "lathe/compile/import_torch.h"
#include "lathe/compile/passes.h"
#include "lathe/core/error.h"
#include "tests/compile/compiled.h"
#include "tests/compile/expect_pass.h"
#include "tests/support/message.h"

namespace lathe::compile {
namespace {

using testing_support::message_of;
using Integers = std::vector<int64_t>;

torch::Tensor bytes(const Shape& shape, int64_t low, int64_t high, torch::ScalarType type) {
  return torch::randint(low, high + 1, shape, torch::kInt64).to(type);
}

// Compiled integers are the reference's, to the last bit.
void expect_same_integers(const Graph& graph, const std::vector<torch::Tensor>& inputs, int level = 3,
                          const std::string& isa = "host") {
  if (!runs_here(target(isa))) return;
  const core::TemporaryDirectory directory;
  compile(graph, directory.path() / "m", {.target = target(isa), .opt_level = level});
  CompiledModel model(directory.path() / "m", 1);
  const auto expected = evaluate(graph, inputs);
  for (int run = 0; run < 2; ++run) {
    const auto outputs = model(inputs);
    for (size_t i = 0; i < outputs.size(); ++i)
      EXPECT_TRUE(torch::equal(outputs[i], expected[i]))
          << to_text(graph) << (outputs[i].to(torch::kFloat64) - expected[i].to(torch::kFloat64)).abs().max();
  }
}

struct ConvCase {
  int64_t channels, outputs, size, kernel, stride, padding, zero;
  int weight;  // the largest
  int64_t groups = 1;
};

Graph integer_conv(const ConvCase& c, torch::Tensor weight, bool requantize) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::u8, {1, c.channels, c.size, c.size + 2}});
  ValueId y = graph.add("conv_integer", {x, graph.add_constant(weight)},
                        {{"stride", Integers{c.stride, c.stride}},
                         {"padding", Integers{c.padding, c.padding, c.padding, c.padding}},
                         {"dilation", Integers{1, 1}},
                         {"groups", c.groups},
                         {"zero_point", c.zero}});
  graph.outputs = {y};
  if (!requantize) return graph;
  std::vector<double> scale;
  for (int64_t o = 0; o < c.outputs; ++o) scale.push_back(0.001 + 0.0001 * static_cast<double>(o));
  y = graph.add("dequantize", {y},
                {{"scale", scale}, {"zero_point", Integers(scale.size(), 0)}, {"axis", int64_t{1}}});
  y = graph.add("add", {y, graph.add_constant(torch::randn({c.outputs, 1, 1}))});
  y = graph.add("relu", {y});
  y = graph.add(
      "quantize", {y},
      {{"scale", std::vector<double>{0.037}}, {"zero_point", Integers{3}}, {"dtype", std::string("u8")}});
  graph.outputs = {y};
  return graph;
}

TEST(IntegerKernels, ConvolutionsAreTheReferencesToTheBit) {
  torch::manual_seed(1);
  const ConvCase cases[] = {{8, 16, 9, 3, 1, 1, 0, 63},
                            {16, 8, 7, 3, 2, 1, 128, 63},
                            {4, 5, 6, 1, 1, 0, 7, 63},
                            {12, 20, 11, 5, 1, 2, 255, 63},
                            {32, 40, 8, 1, 2, 0, 3, 63},
                            {8, 8, 8, 3, 1, 1, 9, 127},
                            {3, 8, 9, 3, 1, 1, 5, 127},
                            {64, 64, 14, 3, 1, 1, 0, 63},
                            {16, 16, 9, 3, 1, 1, 77, 127, 16},
                            {20, 20, 11, 5, 2, 2, 255, 127, 20},
                            {7, 7, 8, 3, 2, 1, 0, 127, 7},
                            {8, 16, 6, 3, 1, 1, 9, 63, 4},
                            // rows of few channels
                            {3, 20, 21, 7, 2, 3, 100, 63},
                            {1, 8, 12, 5, 1, 2, 3, 127},
                            {2, 9, 9, 8, 3, 1, 255, 63},
                            // Winograd's tiles, whole ones and parts
                            {32, 24, 14, 3, 1, 1, 77, 127},
                            {16, 16, 5, 3, 1, 0, 201, 63},
                            {20, 40, 11, 3, 1, 1, 255, 128}};
  for (const ConvCase& c : cases) {
    const torch::Tensor weight =
        bytes({c.outputs, c.channels / c.groups, c.kernel, c.kernel}, -c.weight, c.weight, torch::kInt8);
    const std::vector<torch::Tensor> inputs = {
        bytes({1, c.channels, c.size, c.size + 2}, 0, 255, torch::kUInt8)};
    expect_same_integers(integer_conv(c, weight, true), inputs);
    if (c.kernel != 3) continue;
    expect_same_integers(integer_conv(c, weight, false), inputs);
    expect_same_integers(integer_conv(c, weight, true), inputs, 0);
  }
  const torch::Tensor weight = bytes({16, 8, 3, 3}, -63, 63, torch::kInt8);
  expect_same_integers(integer_conv(cases[0], weight, true), {bytes({1, 8, 9, 11}, 0, 255, torch::kUInt8)}, 3,
                       "x86-64-sse41");
}

// All of a filter of one sign is as far as sums of Winograd's tiles go; beyond 2²⁵ the direct kernel is
// taken.
TEST(IntegerKernels, WinogradIsExactUpToItsBound) {
  for (const int64_t channels : {112, 128}) {
    const ConvCase c{channels, 16, 6, 3, 1, 1, 0, 127};
    for (const int sign : {1, -1}) {
      torch::Tensor weight = torch::full({16, channels, 3, 3}, 127 * sign, torch::kInt8);
      const torch::Tensor ends = bytes({1, channels, 6, 8}, 0, 1, torch::kInt32) * 255;
      for (const torch::Tensor& x :
           {torch::full({1, channels, 6, 8}, 255, torch::kUInt8), ends.to(torch::kUInt8)})
        expect_same_integers(integer_conv(c, weight, false), {x});
      weight.slice(1, 0, channels, 2).neg_();
      expect_same_integers(integer_conv(c, weight, false), {ends.to(torch::kUInt8)});
    }
  }
}

// 255 · 127 summed over K = 4608 is far from the end of 32 bits, but every pair of products is beyond 16.
TEST(IntegerKernels, ExtremesDoNotOverflow) {
  const ConvCase c{512, 8, 3, 3, 1, 0, 0, 127};
  const torch::Tensor weight = torch::full({8, 512, 3, 3}, -127, torch::kInt8),
                      x = torch::full({1, 512, 3, 5}, 255, torch::kUInt8);
  const Graph graph = integer_conv(c, weight, false);
  EXPECT_EQ(evaluate(graph, {x})[0].min().item<int>(), -255 * 127 * 4608);
  expect_same_integers(graph, {x});
  expect_same_integers(integer_conv(c, torch::full_like(weight, -63), false), {x});  // in pairs
}

TEST(IntegerKernels, LinearLayersAreTheReferencesToTheBit) {
  torch::manual_seed(2);
  for (const int64_t rows : {1, 7})
    for (const auto& [depth, columns] : {std::pair<int64_t, int64_t>{64, 32}, {37, 10}, {5, 3}, {128, 100}})
      for (const int most : {63, 127}) {
        Graph graph;
        const ValueId x = graph.add_input("x", {DType::u8, {rows, depth}});
        const ValueId w = graph.add_constant(bytes({columns, depth}, -most, most, torch::kInt8));
        graph.outputs = {graph.add("linear_integer", {x, w}, {{"zero_point", int64_t{11}}})};
        expect_same_integers(graph, {bytes({rows, depth}, 0, 255, torch::kUInt8)});
      }
}

// A byte is rounded half to even.
TEST(IntegerKernels, TiesGoToTheEvenNeighbour) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {9}});
  graph.outputs = {graph.add(
      "quantize", {x},
      {{"scale", std::vector<double>{0.5}}, {"zero_point", Integers{10}}, {"dtype", std::string("u8")}})};
  const torch::Tensor ties =
      torch::tensor({0.25f, 0.75f, -0.25f, -0.75f, 1.25f, 1000.f, -1000.f, 0.2499f, 0.2501f});
  EXPECT_TRUE(torch::equal(evaluate(graph, {ties})[0],
                           torch::tensor({10, 12, 10, 8, 12, 255, 0, 10, 11}, torch::kUInt8)));
  expect_same_integers(graph, {ties});
}

// conv + relu, a residual sum, a pool and a linear layer.
Graph network() {
  torch::manual_seed(3);
  Graph graph;
  const auto conv = [&](ValueId x, int64_t in, int64_t out) {
    return graph.add(
        "conv",
        {x, graph.add_constant(torch::randn({out, in, 3, 3}) / std::sqrt(9.0 * static_cast<double>(in))),
         graph.add_constant(torch::randn({out}) * 0.1)},
        {{"stride", Integers{1, 1}},
         {"padding", Integers{1, 1, 1, 1}},
         {"dilation", Integers{1, 1}},
         {"groups", int64_t{1}}},
        "conv" + std::to_string(graph.nodes.size()));
  };
  ValueId x = graph.add_input("x", {DType::f32, {1, 3, 12, 12}});
  x = graph.add("relu", {conv(x, 3, 16)});
  ValueId y = graph.add("relu", {conv(x, 16, 16)});
  y = graph.add("relu", {graph.add("add", {conv(y, 16, 16), x})});
  y = graph.add("mean", {y}, {{"axes", Integers{2, 3}}, {"keepdims", int64_t{0}}});
  y = graph.add("linear",
                {y, graph.add_constant(torch::randn({10, 16})), graph.add_constant(torch::randn({10}))}, {},
                "head");
  graph.outputs = {y};
  return graph;
}

std::vector<Sample> samples(int count) {
  torch::manual_seed(4);
  std::vector<Sample> result;
  for (int i = 0; i < count; ++i) result.push_back({torch::randn({1, 3, 12, 12})});
  return result;
}

TEST(Quantize, ANetworkStaysCloseAndRunsInBytes) {
  const Graph graph = optimize(network());
  const auto data = samples(24);
  for (const Calibration calibration : {Calibration::min_max, Calibration::percentile, Calibration::kl}) {
    const Quantized result =
        quantize_model(graph, data, disagreement(graph, data), {.calibration = calibration, .most_loss = 1});
    ASSERT_EQ(result.layers.size(), 3u);
    for (const QuantizedLayer& layer : result.layers) EXPECT_GT(layer.snr_db, 20) << layer.source;
    EXPECT_NEAR(result.share,
                (2.0 * 16 * 16 * 9 * 144 + 160) / (3 * 16 * 9 * 144 + 2.0 * 16 * 16 * 9 * 144 + 160), 1e-12);
    const Graph integers = optimize(result.graph);
    EXPECT_EQ(count(integers, "conv_integer"), 2);
    EXPECT_EQ(count(integers, "linear_integer"), 1);
    EXPECT_EQ(count(integers, "conv"), 1);
    // Every layer is one kernel: rescaling, bias, residual and rounding are in its epilogue.
    std::set<int> cores;
    for (const Group& group : fuse(integers))
      for (const int index : group.nodes)
        EXPECT_TRUE(integers.nodes[static_cast<size_t>(index)].op != "dequantize" || group.nodes.size() > 1);
    const torch::Tensor exact = evaluate(graph, data[0], Precision::f64)[0],
                        close = evaluate(result.graph, data[0])[0].to(torch::kFloat64);
    EXPECT_LT((exact - close).norm().item<double>(), 0.08 * exact.norm().item<double>());
    testing::expect_compiled(result.graph, 1e-4, {}, data[1]);
  }
}

// Each channel's own filter, as in the networks of phones.
TEST(Quantize, DepthwiseLayersRunInBytes) {
  torch::manual_seed(6);
  Graph graph;
  ValueId x = graph.add_input("x", {DType::f32, {1, 3, 12, 12}});
  const auto conv = [&](int64_t in, int64_t out, int64_t kernel, int64_t groups) {
    const int64_t pad = kernel / 2;
    const double scale = std::sqrt(static_cast<double>(groups) / static_cast<double>(in * kernel * kernel));
    x = graph.add("conv",
                  {x, graph.add_constant(torch::randn({out, in / groups, kernel, kernel}) * scale),
                   graph.add_constant(torch::randn({out}) * 0.1)},
                  {{"stride", Integers{1, 1}},
                   {"padding", Integers{pad, pad, pad, pad}},
                   {"dilation", Integers{1, 1}},
                   {"groups", groups}});
    x = graph.add("clamp", {x}, {{"min", 0.0}, {"max", 6.0}});
  };
  conv(3, 24, 3, 1), conv(24, 24, 3, 24), conv(24, 16, 1, 1), conv(16, 32, 3, 8);
  graph.outputs = {x};
  graph = optimize(graph);
  EXPECT_EQ(quantizable_layers(graph).size(), 2u);  // three channels are too few, groups of two not depthwise
  const auto data = samples(8);
  const Quantized result = quantize_model(graph, data, [](const Graph&) { return 0.0; });
  const Graph integers = optimize(result.graph);
  EXPECT_EQ(count(integers, "conv_integer"), 2);
  const torch::Tensor exact = evaluate(graph, data[0], Precision::f64)[0],
                      close = evaluate(integers, data[0])[0].to(torch::kFloat64);
  EXPECT_LT((exact - close).norm().item<double>(), 0.05 * exact.norm().item<double>());
  testing::expect_compiled(result.graph, 1e-4, {}, data[1]);
}

TEST(Quantize, FallsBackLayerByLayer) {
  const Graph graph = optimize(network());
  const auto data = samples(4);
  int calls = 0;
  const auto loss = [&](const Graph&) { return ++calls <= 2 ? 1.0 : 0.0; };
  const Quantized result = quantize_model(graph, data, loss);
  EXPECT_EQ(calls, 3);
  std::vector<std::pair<double, bool>> layers;
  for (const QuantizedLayer& layer : result.layers) layers.emplace_back(layer.snr_db, layer.quantized);
  std::sort(layers.begin(), layers.end());
  EXPECT_FALSE(layers[0].second);
  EXPECT_FALSE(layers[1].second);
  EXPECT_TRUE(layers[2].second);
  const Quantized none = quantize_model(graph, data, [](const Graph&) { return 1.0; });
  EXPECT_EQ(none.share, 0);
  EXPECT_TRUE(torch::equal(evaluate(none.graph, data[0])[0], evaluate(graph, data[0])[0]));
}

TEST(Quantize, CalibrationLeavesOutliersOut) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {1, 40000}});
  graph.outputs = {graph.add("linear", {x, graph.add_constant(torch::randn({2, 40000}))})};
  torch::manual_seed(5);
  torch::Tensor values = torch::randn({1, 40000});
  values[0][17] = 1000;
  const auto range = [&](Calibration calibration) { return calibrate(graph, {{values}}, calibration).at(x); };
  EXPECT_EQ(range(Calibration::min_max).high, 1000);
  EXPECT_LT(range(Calibration::percentile).high, 6);
  EXPECT_LT(range(Calibration::kl).high, 500);
  EXPECT_LT(range(Calibration::percentile).low, -2);
}

TEST(Quantize, SaysWhatIsWrongWithTheData) {
  const Graph graph = optimize(network());
  EXPECT_NE(message_of<InputError>([&] { calibrate(graph, {}); }).find("no samples"), std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              calibrate(graph, {{torch::full({1, 3, 12, 12}, 0.5)}});
            }).find("are 0.5 throughout"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              calibrate(graph, {{torch::full({1, 3, 12, 12}, NAN)}});
            }).find("sample 0 has numbers that are not finite"),
            std::string::npos);
  EXPECT_THROW(calibration_of("best"), InputError);
}

}  // namespace
}  // namespace lathe::compile
