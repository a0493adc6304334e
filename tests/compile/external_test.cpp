// Kernels of other libraries: oneDNN's against libtorch in double precision, and what modules then need.
#include "lathe/compile/codegen/external.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>

#include "lathe/compile/manifest.h"
#include "lathe/core/error.h"
#include "tests/compile/compiled.h"
#include "tests/compile/networks.h"

extern "C" {
#include "lathe/runtime/plan.h"
}

namespace lathe::compile {
namespace {

namespace fs = std::filesystem;
using testing::random_inputs;
using Attributes = std::map<std::string, Attribute>;
using Integers = std::vector<int64_t>;

struct Convolution {
  Shape in;
  int64_t out, kernel, stride = 1;
  Integers padding = Integers(6, 0);
  int64_t dilation = 1, groups = 1;
};

class External : public ::testing::Test {
 protected:
  void SetUp() override {
    if (codegen::kernel_providers().empty()) GTEST_SKIP() << "this build has no oneDNN (libdnnl-dev)";
    torch::manual_seed(11);
  }
  ValueId input(Shape shape) {
    return graph_.add_input(fmt::format("x{}", graph_.inputs.size()), {DType::f32, std::move(shape)});
  }
  ValueId constant(const Shape& shape, double scale = 1) {
    return graph_.add_constant(torch::randn(shape) * scale);
  }
  ValueId convolve(ValueId x, const Convolution& c, const std::string& op = "conv") {
    const int64_t in = graph_.type(x).shape[1];
    const size_t spatial = graph_.type(x).shape.size() - 2;
    Shape weights = op == "conv" ? Shape{c.out, in / c.groups} : Shape{in, c.out / c.groups};
    weights.insert(weights.end(), spatial, c.kernel);
    Attributes attributes = {
        {"stride", Integers(spatial, c.stride)},
        {"padding", Integers(c.padding.begin(), c.padding.begin() + 2 * static_cast<long>(spatial))},
        {"dilation", Integers(spatial, c.dilation)},
        {"groups", c.groups}};
    if (op == "conv_transpose") attributes["output_padding"] = Integers(spatial, c.stride - 1);
    return graph_.add(op, {x, constant(weights, 0.2), constant({c.out})}, attributes);
  }
  // Compiled with oneDNN wherever it can, which is `count` times: as libtorch's, on one thread and on two.
  void check(int count, int opt_level = 3) {
    CompileOptions options;
    options.externals = Externals::always;
    options.opt_level = opt_level;
    const core::TemporaryDirectory directory;
    const CompileReport report = compile(graph_, directory.path() / "m", options);
    EXPECT_EQ(report.num_external, count);
    const auto inputs = random_inputs(graph_);
    const auto expected = evaluate(graph_, inputs, Precision::f64);
    for (const int threads : {1, 2}) {
      CompiledModel model(directory.path() / "m", threads);
      for (int run = 0; run < 2; ++run) {
        const auto outputs = model(inputs);
        for (size_t i = 0; i < outputs.size(); ++i) {
          const torch::Tensor error = (outputs[i].to(torch::kDouble) - expected[i]).abs().max();
          EXPECT_LE(error.item<double>(), 1e-5 * std::max(1.0, expected[i].abs().max().item<double>()))
              << "output " << i << ", " << threads << " threads, run " << run;
        }
      }
    }
  }
  Graph graph_;
};

const Convolution kConvolutions[] = {
    {.in = {1, 16, 14, 14}, .out = 96, .kernel = 1},
    {.in = {1, 64, 9, 9}, .out = 64, .kernel = 3, .padding = {1, 1, 1, 1}},
    {.in = {1, 13, 9, 7}, .out = 21, .kernel = 3, .stride = 2, .padding = {1, 1, 1, 1}},
    {.in = {3, 12, 11, 6}, .out = 20, .kernel = 3, .padding = {2, 2, 2, 2}, .dilation = 2},
    {.in = {1, 32, 1, 1}, .out = 40, .kernel = 1},
    {.in = {2, 10, 8, 8}, .out = 6, .kernel = 2, .padding = {0, 1, 1, 0}},
    {.in = {1, 24, 12, 12}, .out = 24, .kernel = 3, .padding = {1, 1, 1, 1}, .groups = 24},
    {.in = {1, 19, 12, 9}, .out = 19, .kernel = 5, .stride = 2, .padding = {2, 2, 2, 2}, .groups = 19},
    {.in = {1, 12, 10, 10}, .out = 18, .kernel = 3, .padding = {1, 1, 1, 1}, .groups = 3},
    {.in = {1, 3, 20, 20}, .out = 16, .kernel = 7, .stride = 2, .padding = {3, 3, 3, 3}}};

TEST_F(External, Convolutions) {
  for (const Convolution& c : kConvolutions) {
    SCOPED_TRACE(fmt::format("{} -> {}, kernel {}, groups {}", c.in[1], c.out, c.kernel, c.groups));
    for (const int opt_level : {3, 2}) {  // blocked where that is possible, and row-major
      graph_ = {};
      graph_.outputs = {graph_.add("relu", {convolve(input(c.in), c)})};
      check(1, opt_level);
    }
  }
}

TEST_F(External, ConvolutionsOfLinesAndVolumes) {
  graph_.outputs = {convolve(input({2, 5, 31}), {.out = 7, .kernel = 4, .stride = 3}),
                    convolve(input({1, 4, 5, 6, 7}), {.out = 6, .kernel = 2, .groups = 2})};
  check(2);
}

TEST_F(External, TransposedConvolutions) {
  graph_.outputs = {
      convolve(input({1, 12, 17, 15}), {.out = 18, .kernel = 3, .stride = 2, .padding = {1, 1, 1, 1}},
               "conv_transpose"),
      convolve(input({2, 8, 6, 6}), {.out = 12, .kernel = 4, .groups = 2}, "conv_transpose")};
  check(2);
}

// Everything that follows a convolution; in blocked values with a border too, where it is a kernel of its
// own.
TEST_F(External, WhatFollows) {
  const std::pair<std::string, Attributes> functions[] = {{"relu", {}},
                                                          {"leaky_relu", {{"slope", 0.1}}},
                                                          {"elu", {{"alpha", 0.7}}},
                                                          {"gelu", {}},
                                                          {"gelu_tanh", {}},
                                                          {"silu", {}},
                                                          {"hardswish", {}},
                                                          {"tanh", {}},
                                                          {"sigmoid", {}},
                                                          {"clamp", {{"min", 0.0}, {"max", 6.0}}},
                                                          {"clamp", {{"min", 0.5}, {"max", 2.0}}},
                                                          {"softplus", {}}};
  for (const int64_t channels : {16, 13}) {
    graph_ = {};
    const ValueId x = input({1, channels, 6, 6});
    for (const auto& [op, attributes] : functions) {
      const ValueId y = graph_.add(op, {convolve(x, {.out = channels, .kernel = 1})}, attributes);
      graph_.outputs.push_back(
          graph_.add("relu", {convolve(y, {.out = 8, .kernel = 3, .padding = {1, 1, 1, 1}})}));
    }
    check(2 * static_cast<int>(std::size(functions)));
  }
}

TEST_F(External, Residuals) {
  for (const int64_t channels : {64, 21})
    for (const int opt_level : {3, 2}) {
      graph_ = {};
      ValueId x = input({channels == 64 && opt_level == 3 ? 1 : 3, channels, 8, 8});
      for (const int64_t kernel : {1, 3, 1}) {
        const ValueId y =
            convolve(x, {.out = channels, .kernel = kernel, .padding = Integers(4, kernel / 2)});
        x = graph_.add("relu", {graph_.add("add", {x, y})});
      }
      graph_.outputs = {x};
      check(3, opt_level);
    }
}

TEST_F(External, LinearLayersAndProducts) {
  int count = 0;
  for (const int64_t rows : {1, 5, 300})
    for (const int64_t columns : {10, 200}) {
      const ValueId x = input({2, rows, 33}), residual = input({2, rows, columns});
      const ValueId y = graph_.add("linear", {x, constant({columns, 33}), constant({columns})});
      graph_.outputs.push_back(graph_.add("gelu", {graph_.add("add", {residual, y})}));
      ++count;
    }
  const ValueId a = input({2, 3, 19, 50}), b = input({2, 3, 50, 70}), c = input({70, 40}), d = input({5, 6}),
                e = input({40, 5});
  const ValueId ab =
      graph_.add("mul", {graph_.add("matmul", {a, b}), graph_.add_constant(torch::tensor(0.25f))});
  graph_.outputs.insert(graph_.outputs.end(),
                        {ab, graph_.add("matmul", {ab, c}), graph_.add("matmul", {e, d})});
  check(count + 3);
}

TEST_F(External, NetworksOnSeveralSessionsAtOnce) {
  graph_ = resnet18(48, 8);
  const core::TemporaryDirectory directory;
  CompileOptions options;
  options.externals = Externals::always;
  EXPECT_EQ(compile(graph_, directory.path() / "m", options).num_external, 21);
  const auto inputs = random_inputs(graph_);
  const torch::Tensor expected = evaluate(graph_, inputs, Precision::f64)[0];
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      CompiledModel model(directory.path() / "m", 1 + t % 2);
      for (int run = 0; run < 5; ++run)
        wrong += !torch::allclose(model(inputs)[0].to(torch::kDouble), expected, 1e-4, 1e-4);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// A convolution into a border, one that reads it, and a linear layer.
Graph small_network() {
  NetworkBuilder net;
  const ValueId x = net.relu(net.conv(net.graph.add_input("x", {DType::f32, {1, 8, 10, 10}}), 8, 1, 1));
  net.graph.outputs = {net.classifier(net.relu(net.conv(x, 12, 3, 1)), 10)};
  return net.graph;
}

TEST_F(External, ModulesSayWhatTheyNeed) {
  const core::TemporaryDirectory directory;
  const auto made = [&](const char* name, Externals externals) {
    CompileOptions options;
    options.externals = externals;
    options.cache = directory.path() / "cache";
    compile(small_network(), directory.path() / name, options);
    return directory.path() / name;
  };
  const fs::path with = made("with", Externals::always), without = made("without", Externals::none);
  EXPECT_NE(core::read_file(with / "module.so").find("libdnnl.so.2"), std::string::npos);
  EXPECT_EQ(core::read_file(without / "module.so").find("dnnl"), std::string::npos);
  EXPECT_EQ(read_manifest(with).externals, std::vector<std::string>{"libdnnl.so.2"});
  EXPECT_EQ(read_manifest(without).externals, std::vector<std::string>());
  // Unmeasured there is nothing to choose by, and the module is the same, to the last bit.
  for (const fs::path& same : {made("again", Externals::none), made("unmeasured", Externals::automatic)})
    for (const char* file : {"plan.bin", "params.bin", "module.so", "graph.json"})
      EXPECT_TRUE(core::read_file(without / file) == core::read_file(same / file)) << same / file;
}

TEST_F(External, ChosenByMeasurement) {
  const Graph graph = small_network();
  const core::TemporaryDirectory directory;
  CompileOptions options;
  options.variants = 2;
  const CompileReport report = compile(graph, directory.path() / "m", options);
  int calls = 0;
  for (const auto& operation : read_manifest(directory.path() / "m").operations)
    calls += operation.kernel == "lathe_onednn";
  EXPECT_EQ(report.num_external, calls);
  EXPECT_EQ(report.externals.empty(), calls == 0);
  const auto inputs = random_inputs(graph);
  const torch::Tensor expected = evaluate(graph, inputs, Precision::f64)[0];
  EXPECT_TRUE(torch::allclose(CompiledModel(directory.path() / "m")(inputs)[0].to(torch::kDouble), expected,
                              1e-4, 1e-4));
}

// A module whose library is not there: its name in module.so is changed to one that nobody has.
TEST_F(External, RefusesToLoadWithoutTheLibrary) {
  graph_.outputs = {convolve(input({1, 16, 4, 4}), {.out = 16, .kernel = 1})};
  const core::TemporaryDirectory directory;
  const fs::path module = directory.path() / "m";
  CompileOptions options;
  options.externals = Externals::always;
  compile(graph_, module, options);
  std::string library = core::read_file(module / "module.so"), plan = core::read_file(module / "plan.bin");
  library.replace(library.find("libdnnl.so.2"), 12, "libdnnl.so.0");
  plan.resize(plan.size() - sizeof(uint64_t));
  reinterpret_cast<lathe_plan_header*>(plan.data())->module_hash =
      lathe_xxhash64(library.data(), library.size(), 0);
  const uint64_t hash = lathe_xxhash64(plan.data(), plan.size(), 0);
  plan.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  std::ofstream(module / "module.so", std::ios::binary) << library;
  std::ofstream(module / "plan.bin", std::ios::binary) << plan;
  try {
    CompiledModel model(module);
    FAIL() << "it loaded";
  } catch (const InputError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("module.so: libdnnl.so.0: cannot open shared object file"), std::string::npos)
        << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
}

// A user's own kernel for relu alone.
TEST(Externals, MayBeRegistered) {
  codegen::register_kernels({"mine", [](const codegen::Job& job) -> std::vector<codegen::Implementation> {
                               if (job.group.nodes.size() != 1 || job.graph.nodes[0].op != "relu") return {};
                               codegen::Implementation result;
                               result.name = "my relu";
                               codegen::Builder builder(job.graph, job.target, job.cache, result);
                               codegen::Scope scope(builder);
                               codegen::finish_injective(builder, scope, job, result.name);
                               return {result};
                             }});
  Graph graph;
  graph.outputs = {graph.add("relu", {graph.add_input("x", {DType::f32, {3, 7}})})};
  const core::TemporaryDirectory directory;
  const auto variant = [&](Externals externals) {
    CompileOptions options;
    options.externals = externals;
    compile(graph, directory.path() / "m", options);
    const torch::Tensor x = torch::randn({3, 7});
    EXPECT_TRUE(torch::equal(CompiledModel(directory.path() / "m")({x})[0], torch::relu(x)));
    return read_manifest(directory.path() / "m").operations.at(0).variant;
  };
  EXPECT_EQ(variant(Externals::always), "my relu");
  EXPECT_EQ(variant(Externals::none), "flat");
  codegen::register_kernels({"mine", nullptr});
  const auto names = codegen::kernel_providers();
  EXPECT_EQ(std::count(names.begin(), names.end(), "mine"), 0);
}

TEST(Externals, AreNamed) {
  EXPECT_EQ(externals_of("auto"), Externals::automatic);
  EXPECT_THROW(externals_of("some"), InputError);
}

}  // namespace
}  // namespace lathe::compile
