#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/model.h"
#include "lathe/train/continual/layers.h"
#include "tests/support/message.h"

namespace lathe::train::continual {
namespace {

using torch::nn::Conv2dOptions;

torch::Tensor images(std::vector<int64_t> shape) {
  return torch::randn(shape, nn::generator(core::Seed(1)));
}

struct Captured {
  torch::Tensor rows;  // [groups, m, d]
  int calls = 0;
};

template <typename Module>
Captured capture(Module& module, const torch::Tensor& inputs) {
  const Layers layers = find_layers(*module);
  EXPECT_EQ(layers.layers.size(), 1u);
  Captured captured;
  for_each_input(
      layers.layers, [&] { module->forward(inputs); },
      [&](size_t, const torch::Tensor& rows) {
        captured.rows = captured.calls++ == 0 ? rows.clone() : torch::cat({captured.rows, rows}, 1);
      });
  return captured;
}

// Every patch by hand: the value under each element of the kernel, 0 outside of the image.
torch::Tensor brute_force_patches(const torch::Tensor& x, const torch::nn::Conv2dImpl& layer,
                                  int64_t padding) {
  const auto& o = layer.options;
  const int64_t groups = o.groups(), channels = x.size(1) / groups, k = layer.weight.size(2);
  const auto extent = [&](int64_t size, size_t i) {
    return (size + 2 * padding - o.dilation()->at(i) * (k - 1) - 1) / o.stride()->at(i) + 1;
  };
  const int64_t rows = extent(x.size(2), 0), columns = extent(x.size(3), 1);
  torch::Tensor patches = torch::zeros({groups, x.size(0) * rows * columns, channels * k * k});
  for (int64_t g = 0; g < groups; ++g)
    for (int64_t n = 0; n < x.size(0); ++n)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t a = 0; a < k; ++a)
              for (int64_t b = 0; b < k; ++b) {
                const int64_t y = i * o.stride()->at(0) - padding + a * o.dilation()->at(0);
                const int64_t z = j * o.stride()->at(1) - padding + b * o.dilation()->at(1);
                if (y < 0 || z < 0 || y >= x.size(2) || z >= x.size(3)) continue;
                patches[g][(n * rows + i) * columns + j][(c * k + a) * k + b] = x[n][g * channels + c][y][z];
              }
  return patches;
}

TEST(ContinualLayers, PatchesAreThoseUnderTheKernel) {
  const torch::Tensor x = images({2, 4, 7, 6});
  for (const int64_t padding : {0, 1})
    for (const Conv2dOptions& options :
         {Conv2dOptions(4, 6, 3), Conv2dOptions(4, 6, 3).stride(2), Conv2dOptions(4, 6, 3).dilation(2),
          Conv2dOptions(4, 6, 3).groups(2), Conv2dOptions(4, 6, 3).stride(2).dilation(2).groups(2)}) {
      torch::nn::Conv2d layer(Conv2dOptions(options).padding(padding));
      const Captured captured = capture(layer, x);
      EXPECT_TRUE(torch::equal(captured.rows, brute_force_patches(x, *layer, padding)));
    }
}

// W · patch is the layer's output.
TEST(ContinualLayers, RowsTimesWeightsAreTheOutputs) {
  const torch::Tensor x = images({3, 4, 9, 9}).contiguous(at::MemoryFormat::ChannelsLast);
  torch::nn::Conv2d layer(Conv2dOptions(4, 6, 3).stride(2).padding(1).groups(2).bias(false));
  layer->weight.set_data(layer->weight.contiguous(at::MemoryFormat::ChannelsLast));
  const Captured captured = capture(layer, x);
  const torch::Tensor products = captured.rows.bmm(layer->weight.reshape({2, 3, 18}).transpose(1, 2));
  const torch::Tensor outputs = layer->forward(x).permute({0, 2, 3, 1}).reshape({-1, 2, 3}).transpose(0, 1);
  EXPECT_TRUE(torch::allclose(products, outputs, 1e-5, 1e-5));
}

TEST(ContinualLayers, PaddingModesAreSeenAsPadded) {
  torch::nn::Conv2d layer(Conv2dOptions(1, 1, 3).padding(1).padding_mode(torch::kReflect).bias(false));
  const Captured captured = capture(layer, images({1, 1, 4, 4}));
  const torch::Tensor products = captured.rows[0].mv(layer->weight.flatten());
  EXPECT_TRUE(torch::allclose(products, layer->forward(images({1, 1, 4, 4})).flatten(), 1e-5, 1e-6));
}

TEST(ContinualLayers, LinearInputsOfAnyShapeWithAndWithoutBias) {
  for (bool bias : {true, false})
    for (const std::vector<int64_t>& shape : {std::vector<int64_t>{5, 4}, {2, 3, 4}}) {
      torch::nn::Linear layer(torch::nn::LinearOptions(4, 4).bias(bias));  // square: Wᵀ looks like W
      const torch::Tensor x = images(shape);
      const Captured captured = capture(layer, x);
      EXPECT_EQ(captured.calls, 1);
      EXPECT_TRUE(torch::equal(captured.rows[0], x.view({-1, 4})));
    }
}

// ReLU in place changes what the layer before gave, before the next layer sees it: inputs, not outputs.
struct TwoLayers : torch::nn::Module {
  TwoLayers() {
    first = register_module("first", torch::nn::Linear(3, 4));
    second = register_module("second", torch::nn::Linear(4, 2));
    norm = register_module("norm", torch::nn::BatchNorm1d(2));
  }
  torch::Tensor forward(torch::Tensor x) { return norm->forward(second->forward(first->forward(x).relu_())); }
  torch::nn::Linear first{nullptr}, second{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
};

TEST(ContinualLayers, SeesTheInputOfEachLayer) {
  auto model = std::make_shared<TwoLayers>();
  const Layers layers = find_layers(*model);
  ASSERT_EQ(layers.layers.size(), 2u);
  EXPECT_EQ(layers.layers[1].name, "second");
  EXPECT_EQ(layers.norms.size(), 2u);
  const torch::Tensor x = images({6, 3});
  std::map<size_t, torch::Tensor> seen;
  for_each_input(
      layers.layers, [&] { model->forward(x); },
      [&](size_t i, const torch::Tensor& rows) { seen[i] = rows[0].clone(); });
  EXPECT_TRUE(torch::equal(seen.at(0), x));
  EXPECT_TRUE(torch::equal(seen.at(1), model->first->forward(x).relu()));
}

TEST(ContinualLayers, NamesWhatItCannotProtect) {
  torch::nn::Sequential model(torch::nn::Embedding(3, 4), torch::nn::Linear(4, 2), torch::nn::LSTM(2, 2));
  const Layers layers = find_layers(*model.ptr());
  ASSERT_EQ(layers.others.size(), 2u);
  EXPECT_NE(layers.others[0].find("0 ("), std::string::npos);
  EXPECT_TRUE(find_layers(*model.ptr(), {"0", "2"}).others.empty());
  EXPECT_EQ(testing_support::message_of<InputError>([&] { find_layers(*model.ptr(), {"head*"}); }),
            "\"head*\" names no part of the model");
}

TEST(ContinualLayers, WhatTheVisitorThrowsComesOut) {
  torch::nn::Linear layer(2, 2);
  EXPECT_THROW(for_each_input(
                   find_layers(*layer).layers,
                   [&] {
                     layer->forward(images({1, 2}));
                   },
                   [](size_t, const torch::Tensor&) { throw Error("stop"); }),
               Error);
  int calls = 0;
  layer->forward(images({1, 2}));  // nobody watches any more
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace lathe::train::continual
