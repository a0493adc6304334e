// Where compiled code and its model part.
#include "lathe/compile/verify.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/compile/compile.h"
#include "lathe/compile/manifest.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::compile {
namespace {

using Integers = std::vector<int64_t>;

// Three convolutions, the second in a residual block, then a linear layer; weights from the seed, `changed`
// the layer whose weights are others.
Graph residual_network(const std::string& changed = "") {
  torch::manual_seed(3);
  Graph g;
  g.name = "residual";
  const auto weight = [&](const std::string& name, Shape shape) {
    torch::Tensor value = torch::randn(shape) * 0.2;
    if (name == changed) value = value + 0.01;
    return g.add_constant(value, name + ".weight");
  };
  const auto conv = [&](const std::string& name, ValueId x, int64_t in, int64_t out) {
    return g.add("conv", {x, weight(name, {out, in, 3, 3})},
                 {{"stride", Integers{1, 1}},
                  {"padding", Integers(4, 1)},
                  {"dilation", Integers{1, 1}},
                  {"groups", int64_t{1}}},
                 name);
  };
  const ValueId x = g.add_input("x", {DType::f32, {1, 3, 12, 12}});
  const ValueId first = g.add("relu", {conv("stem", x, 3, 20)}, {}, "stem.relu");
  const ValueId second =
      g.add("relu", {g.add("add", {conv("block", first, 20, 20), first}, {}, "block.add")}, {}, "block.relu");
  const ValueId third = g.add("relu", {conv("tail", second, 20, 8)}, {}, "tail.relu");
  const ValueId pooled = g.add("mean", {third}, {{"axes", Integers{2, 3}}, {"keepdims", int64_t{0}}}, "pool");
  g.outputs = {g.add("linear", {pooled, weight("head", {5, 8})}, {}, "head")};
  return g;
}

class Verify : public ::testing::Test {
 protected:
  std::filesystem::path compiled(const Graph& graph) {
    compile(graph, directory_.path() / "module");
    return directory_.path() / "module";
  }
  core::TemporaryDirectory directory_;
};

TEST_F(Verify, AgreesWithItsModel) {
  const Graph graph = residual_network();
  const auto report = verify(graph, compiled(graph));
  EXPECT_TRUE(report.agrees);
  EXPECT_FALSE(report.first);
  EXPECT_LE(report.outputs.at(0).error, 1e-4);
}

// Fused, in blocked layouts: the operation is found all the same.
TEST_F(Verify, NamesTheLayerThatDiffers) {
  const auto module = compiled(residual_network());
  for (const std::string layer : {"stem", "block", "tail", "head"}) {
    const auto report = verify(residual_network(layer), module);
    EXPECT_FALSE(report.agrees) << layer;
    ASSERT_TRUE(report.first) << layer;
    EXPECT_NE(report.first->source.find(layer), std::string::npos) << report.first->source;
    EXPECT_GT(report.first->error, 1e-4);
    EXPECT_EQ(report.first->compiled.numel, report.first->reference.numel);
  }
}

TEST_F(Verify, NamesWhereTheModelIsNotFinite) {
  const auto network = [](double slope) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::f32, {4, 5}});
    const ValueId scaled = g.add("leaky_relu", {x}, {{"slope", slope}}, "scale");
    g.outputs = {g.add("exp", {g.add("sqrt", {scaled}, {}, "root")}, {}, "out")};
    return g;
  };
  const auto report =
      verify(network(1.0), compiled(network(-1.0)));  // roots of negative numbers, and of none
  EXPECT_FALSE(report.agrees);
  EXPECT_EQ(report.not_finite, "root (sqrt)");
  EXPECT_GT(report.reference.at(0).num_nan, 0);
  EXPECT_EQ(report.compiled.at(0).num_nan, 0);
}

TEST_F(Verify, RefusesOtherModels) {
  Graph other;
  const ValueId x = other.add_input("x", {DType::f32, {2, 3}});
  other.outputs = {other.add("relu", {x})};
  EXPECT_THROW(verify(other, compiled(residual_network())), InputError);
  EXPECT_THROW(read_manifest(directory_.path()), InputError);
}

}  // namespace
}  // namespace lathe::compile
