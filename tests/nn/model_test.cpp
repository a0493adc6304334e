#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/cnn.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/mlp.h"
#include "lathe/nn/resnet.h"

namespace lathe::nn {
namespace {

using core::Config;
using core::Seed;

data::Schema image_schema(int64_t channels = 1, int64_t side = 28, int64_t num_classes = 10) {
  data::Schema schema;
  schema.shape = {channels, side, side};
  for (int64_t i = 0; i < num_classes; ++i) schema.classes.push_back("class " + std::to_string(i));
  return schema;
}

TEST(Cost, OfAnMlpIsItsMatrixProducts) {
  Mlp model({.num_inputs = 784, .num_classes = 10, .hidden = {256}});
  const Cost c = cost(model, torch::zeros({1, 784}));
  EXPECT_EQ(c.parameters, 784 * 256 + 256 + 256 * 10 + 10);
  EXPECT_EQ(c.flops, 2 * (784 * 256 + 256 * 10));
}

TEST(Cost, OfAConvolutionIsOutputsTimesWeightsOfOneOutput) {
  Convolution layer({.in_channels = 3, .out_channels = 8, .kernel = 5, .stride = 2});
  EXPECT_EQ(cost(layer, torch::zeros({1, 3, 16, 16})).flops, 2 * (8 * 8 * 8) * (3 * 5 * 5));
}

// Parameters as He et al. 2016 and the reference implementations count them.
TEST(ResNet, HasThePublishedSizes) {
  const auto parameters = [](ResNetOptions options, int64_t side) {
    ResNet model(options);
    return cost(model, torch::zeros({1, 3, side, side}));
  };
  EXPECT_EQ(parameters({.depth = 20}, 32).parameters, 269722);  // 0.27 M
  EXPECT_EQ(parameters({.depth = 56}, 32).parameters, 853018);  // 0.85 M
  const Cost large = parameters({.num_classes = 1000, .depth = 18}, 224);
  EXPECT_EQ(large.parameters, 11689512);
  EXPECT_NEAR(static_cast<double>(large.flops) / 2e9, 1.8, 0.05);  // 1.8 billion multiply-adds
  EXPECT_EQ(parameters({.num_classes = 1000, .depth = 34}, 224).parameters, 21797672);
}

TEST(ResNet, ZeroPaddingShortcutTakesEverySecondPixel) {
  ResidualBlock block(4, 8, 2, ResidualBlock::Shortcut::zero_padding);
  for (auto& parameter : block.parameters()) {
    const torch::NoGradGuard no_grad;
    parameter.zero_();
  }
  const torch::Tensor x = torch::rand({2, 4, 6, 6});
  block.eval();
  const torch::Tensor y = block.forward(x);
  EXPECT_TRUE(torch::equal(y.slice(1, 2, 6), x.slice(2, 0, 6, 2).slice(3, 0, 6, 2)));
  EXPECT_EQ(y.slice(1, 0, 2).abs().sum().item<double>() + y.slice(1, 6, 8).abs().sum().item<double>(), 0);
}

TEST(ResNet, RejectsADepthThatWasNotPublished) {
  try {
    ResNet model({.depth = 21});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("6n + 2"), std::string::npos);
  }
}

TEST(Initialization, HeNormalHasItsVariance) {
  const torch::Tensor weight = torch::empty({256, 64, 3, 3});
  he_normal(weight, Seed(1));
  EXPECT_NEAR(weight.var().item<double>(), 2.0 / (64 * 9), 2e-5);
  EXPECT_NEAR(weight.mean().item<double>(), 0, 1e-3);
  const torch::Tensor again = torch::empty_like(weight);
  he_normal(again, Seed(1));
  EXPECT_TRUE(torch::equal(weight, again));
}

TEST(PixelNormalization, FittedInputsHaveMeanZeroAndVarianceOne) {
  const torch::Tensor images = torch::randint(0, 256, {50, 3, 8, 8}, nn::generator(Seed(3)), torch::kUInt8);
  PixelNormalization layer({3, 8, 8});
  layer.fit(images);
  const torch::Tensor y = layer.forward(images);
  EXPECT_TRUE(torch::allclose(y.mean({0, 2, 3}), torch::zeros({3}), 0, 1e-4));
  EXPECT_TRUE(torch::allclose(y.var({0, 2, 3}, false), torch::ones({3}), 1e-3));
  EXPECT_TRUE(torch::allclose(layer.forward(images.to(torch::kFloat32)), y));
}

TEST(TableEncoding, StandardisesNumbersAndSpreadsCategories) {
  TableEncoding layer({{.name = "age", .values = {}}, {.name = "colour", .values = {"blue", "red"}}});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  layer.fit(torch::tensor({{1.f, 0.f}, {3.f, 1.f}, {nan, 0.f}}));
  const torch::Tensor encoded = layer.forward(torch::tensor({{3.f, 1.f}, {nan, -1.f}}));
  // mean 2, deviation 1: (3 - 2) / 1 = 1, not missing, not blue, red; missing, indicator set, unknown colour
  EXPECT_TRUE(torch::equal(encoded, torch::tensor({{1.f, 0.f, 0.f, 1.f}, {0.f, 1.f, 0.f, 0.f}})));
  EXPECT_EQ(layer.output_shape(), std::vector<int64_t>{4});
}

TEST(Build, SameSeedSameWeightsOtherSeedOthers) {
  const Config config = Config::parse("kind = 'cnn'");
  const auto a = build(config, image_schema(), Seed(1))->parameters();
  const auto b = build(config, image_schema(), Seed(1))->parameters();
  const auto c = build(config, image_schema(), Seed(2))->parameters();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i], b[i]));
  EXPECT_FALSE(torch::equal(a[0], c[0]));
}

TEST(Build, ConvolutionWeightsAreChannelsLast) {
  const auto model = build(Config::parse("kind = 'resnet'"), image_schema(3, 32), Seed(0));
  int64_t found = 0;
  for (const auto& parameter : model->parameters())
    if (parameter.dim() == 4 && parameter.size(2) > 1) {
      EXPECT_TRUE(parameter.is_contiguous(at::MemoryFormat::ChannelsLast));
      ++found;
    }
  EXPECT_EQ(found, 19);
}

std::string build_error(const std::string& toml, const data::Schema& schema) {
  try {
    build(Config::parse(toml, "p.toml"), schema, Seed(0));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Build, SaysWhatIsWrong) {
  EXPECT_NE(build_error("kind = 'cn'", image_schema()).find("cnn"), std::string::npos);
  EXPECT_NE(build_error("channels = [8, 8, 8, 8, 8, 8]\npool_every = 1", image_schema())
                .find("halves a 28×28 image"),
            std::string::npos);
  EXPECT_NE(build_error("hidden = [0]\nkind = 'mlp'", image_schema()).find("hidden"), std::string::npos);
  data::Schema table;
  table.shape = {1};
  table.columns = {{.name = "x", .values = {}}};
  table.classes = {"a", "b"};
  EXPECT_NE(build_error("kind = 'cnn'", table).find("mlp"), std::string::npos);
}

TEST(FrozenStatistics, LeavesBatchNormAsItWas) {
  const auto model = build(Config::parse("kind = 'cnn'\nchannels = [4]"), image_schema(), Seed(0));
  model->train();
  const torch::Tensor images = torch::randint(0, 256, {8, 1, 28, 28}, nn::generator(Seed(3)), torch::kUInt8);
  std::vector<torch::Tensor> before;
  for (const auto& buffer : model->buffers()) before.push_back(buffer.clone());
  {
    const FrozenStatistics frozen(*model);
    model->forward(images);
  }
  const auto after = model->buffers();
  for (size_t i = 0; i < after.size(); ++i) EXPECT_TRUE(torch::equal(before[i], after[i]));
  model->forward(images);
  bool changed = false;
  for (size_t i = 0; i < after.size(); ++i) changed |= !torch::equal(before[i], after[i]);
  EXPECT_TRUE(changed);
}

TEST(Predict, EqualsOneBigBatchAndRestoresTheMode) {
  const auto model =
      build(Config::parse("kind = 'cnn'\nchannels = [4]\ndropout = 0.5"), image_schema(), Seed(0));
  model->train();
  const torch::Tensor images = torch::randint(0, 256, {23, 1, 28, 28}, nn::generator(Seed(3)), torch::kUInt8);
  const torch::Tensor logits = predict(*model, images, 5);
  EXPECT_TRUE(model->is_training());
  EXPECT_TRUE(torch::allclose(logits, predict(*model, images, 100), 1e-5, 1e-5));
}

}  // namespace
}  // namespace lathe::nn
