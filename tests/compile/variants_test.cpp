// Every variant of a kernel, the fast ones and the others, computes the same.
#include "lathe/compile/codegen/implementations.h"
#include "lathe/compile/codegen/module_writer.h"
#include "lathe/compile/codegen/prepare.h"
#include "lathe/compile/passes.h"
#include "tests/compile/compiled.h"

namespace lathe::compile {
namespace {

using Integers = std::vector<int64_t>;
constexpr size_t kMany = 100;

struct Named {
  std::string variants;  // of the groups
  std::vector<torch::Tensor> outputs;
};

std::vector<Named> all_variants(const Graph& original, const std::vector<torch::Tensor>& inputs) {
  const Target host = target("host");
  Graph graph = codegen::prepare(choose_layouts(optimize(original), host));
  const std::vector<Group> groups = codegen::kernel_groups(graph, fuse(graph));
  codegen::widen_borders(graph, groups);
  codegen::CodeCache cache;
  std::vector<std::vector<codegen::Implementation>> all;
  size_t rounds = 0;
  for (const Group& group : groups) {
    all.push_back(codegen::implementations(graph, group, host, cache, kMany));
    rounds = std::max(rounds, all.back().size());
  }
  std::vector<Named> results;
  for (size_t round = 0; round < rounds; ++round) {
    std::vector<codegen::Chosen> chosen;
    Named named;
    for (size_t g = 0; g < groups.size(); ++g) {
      const auto& implementation = all[g][round % all[g].size()];
      chosen.push_back({groups[g], &implementation});
      named.variants += implementation.name + "; ";
    }
    const core::TemporaryDirectory directory;
    codegen::write_module(graph, chosen, host, directory.path());
    named.outputs = CompiledModel(directory.path(), 2)(inputs);
    results.push_back(std::move(named));
  }
  return results;
}

// conv -> relu, or of bytes conv_integer -> quantized again, with a residual.
Graph convolution(int64_t channels, int64_t size, int64_t kernel, int64_t stride, bool bytes) {
  torch::manual_seed(5);
  Graph g;
  const Shape shape = {1, channels, size, size + 3};
  const ValueId x = g.add_input("x", {bytes ? DType::u8 : DType::f32, shape});
  const torch::Tensor weight = torch::randn({channels, channels, kernel, kernel}) * (bytes ? 25 : 0.1);
  const int64_t p = kernel / 2;
  const std::map<std::string, Attribute> attributes = {{"stride", Integers{stride, stride}},
                                                       {"padding", Integers{p, p, p, p}},
                                                       {"dilation", Integers{1, 1}},
                                                       {"groups", int64_t{1}}};
  if (!bytes) {
    const ValueId y =
        g.add("conv", {x, g.add_constant(weight), g.add_constant(torch::randn({channels}))}, attributes);
    g.outputs = {g.add("relu", {stride == 1 ? g.add("add", {y, x}) : y})};
    return g;
  }
  auto integers = attributes;
  integers["zero_point"] = int64_t{113};
  const auto scaled = [&](ValueId id, double scale, double zero) {
    return g.add("dequantize", {id},
                 {{"scale", std::vector<double>{scale}}, {"zero_point", std::vector<double>{zero}}});
  };
  ValueId y = g.add("conv_integer", {x, g.add_constant(weight.clamp(-64, 63).to(torch::kInt8))}, integers);
  y = scaled(y, 0.0003, 0);
  if (stride == 1) y = g.add("add", {y, scaled(x, 0.01, 113)});
  g.outputs = {g.add(
      "quantize", {y},
      {{"scale", std::vector<double>{0.02}}, {"zero_point", Integers{117}}, {"dtype", std::string("u8")}})};
  return g;
}

TEST(Variants, OfConvolutions) {
  for (const auto& [channels, size, kernel, stride] :
       {std::array<int64_t, 4>{32, 10, 3, 1}, {32, 29, 3, 2}, {64, 7, 3, 1}, {16, 200, 3, 1}}) {
    const Graph graph = convolution(channels, size, kernel, stride, false);
    const auto inputs = testing::random_inputs(graph);
    const torch::Tensor expected = evaluate(graph, inputs, Precision::f64)[0];
    const auto all = all_variants(graph, inputs);
    EXPECT_GE(all.size(), 4U) << channels << " " << size;
    for (const Named& one : all)
      EXPECT_TRUE(torch::allclose(one.outputs[0].to(torch::kDouble), expected, 1e-4, 1e-4))
          << one.variants << (one.outputs[0] - expected).abs().max().item<double>();
  }
}

TEST(Variants, OfConvolutionsOfBytes) {
  for (const auto& [channels, size, kernel, stride] :
       {std::array<int64_t, 4>{32, 10, 3, 1}, {16, 13, 3, 2}, {20, 7, 3, 1}, {16, 90, 3, 1}}) {
    const Graph graph = convolution(channels, size, kernel, stride, true);
    const std::vector<torch::Tensor> inputs = {
        torch::randint(0, 256, graph.type(graph.inputs[0]).shape, torch::kInt64).to(torch::kUInt8)};
    const torch::Tensor expected = evaluate(graph, inputs)[0];
    bool winograd = false;
    for (const Named& one : all_variants(graph, inputs)) {
      EXPECT_TRUE(torch::equal(one.outputs[0], expected)) << one.variants;
      winograd = winograd || one.variants.find("integer winograd") != std::string::npos;
    }
    EXPECT_EQ(winograd, stride == 1) << channels << " " << size;
  }
}

}  // namespace
}  // namespace lathe::compile
