#include "lathe/train/continual/interference.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "tests/support/message.h"

namespace lathe::train::continual {
namespace {

using core::Seed;
using testing_support::message_of;

void assign(torch::Tensor parameter, const torch::Tensor& value) {
  const torch::NoGradGuard no_grad;
  parameter.copy_(value);
}

TEST(Interference, IsTheRelativeChangeOfOutputs) {
  torch::nn::Linear linear(2, 2);
  assign(linear->weight, torch::eye(2));
  const auto layers = find_layers(*linear).layers;
  torch::Tensor x = torch::tensor({{1.0f, 0.0f}, {0.0f, 3.0f}, {1.0f, 1.0f}, {0.0f, 0.0f}});
  const InterferenceProbe probe(
      layers, [&] { linear->forward(x); }, 10, Seed(1));
  x.zero_();  // the probe has its own
  assign(linear->bias, torch::ones({2}));
  EXPECT_EQ(probe.measure(layers).mean(), 0);
  assign(linear->weight, torch::diag(torch::tensor({1.0f, 1.5f})));
  const Interference found = probe.measure(layers);
  ASSERT_EQ(found.values.size(), 1u);
  ASSERT_EQ(found.values[0].size(), 3u) << "without the input whose output is 0";
  EXPECT_EQ(found.values[0][0], 0);
  EXPECT_NEAR(found.values[0][1], 0.5, 1e-6);
  EXPECT_NEAR(found.values[0][2], 0.5 / std::sqrt(2.0), 1e-6);
  EXPECT_NEAR(found.mean(), (0.5 + 0.5 / std::sqrt(2.0)) / 3, 1e-6);
}

// A grouped convolution's outputs at each position, computed by itself.
TEST(Interference, OfAConvolutionIsThatOfItsPositions) {
  torch::nn::Conv2d convolution(torch::nn::Conv2dOptions(4, 6, 3).groups(2).padding(1).bias(false));
  const auto layers = find_layers(*convolution).layers;
  const torch::Tensor images = torch::rand({2, 4, 5, 5}) + 0.1;
  const torch::NoGradGuard no_grad;
  const auto forward = [&] { convolution->forward(images); };
  const InterferenceProbe probe(layers, forward, 50, Seed(1)), small(layers, forward, 7, Seed(1));
  const torch::Tensor before = convolution->forward(images);
  assign(convolution->weight, convolution->weight + 0.1 * torch::rand_like(convolution->weight));
  const torch::Tensor change = convolution->forward(images) - before;
  const torch::Tensor expected = change.norm(2, {1}).div(before.norm(2, {1})).flatten();
  const Interference found = probe.measure(layers);
  EXPECT_TRUE(torch::allclose(torch::tensor(found.values[0]).to(torch::kFloat32), expected, 1e-4, 1e-6));
  EXPECT_EQ(small.measure(layers).values[0].size(), 7u);
}

TEST(Interference, IsKeptInAnArchive) {
  torch::nn::Sequential module(torch::nn::Linear(3, 2), torch::nn::Linear(2, 2));
  const auto layers = find_layers(*module).layers;
  const InterferenceProbe probe(
      layers,
      [&] {
        module->forward(torch::ones({4, 3}));
      },
      3, Seed(1));
  std::stringstream file;
  torch::serialize::OutputArchive out;
  probe.save(out);
  out.save_to(file);
  const auto loaded = [&](const std::vector<Layer>& into) {
    file.seekg(0);
    torch::serialize::InputArchive in;
    in.load_from(file);
    InterferenceProbe read;
    read.load(in, into);
    return read;
  };
  assign(layers[0].weight, layers[0].weight * 1.5);
  const Interference found = loaded(layers).measure(layers);
  EXPECT_EQ(found.values, probe.measure(layers).values);
  EXPECT_EQ(found.values[0].size(), 3u);
  EXPECT_NEAR(found.values[0][0], 0.5, 1e-6);
  EXPECT_NE(message_of<Error>([&] {
              loaded({layers[1], layers[0]});
            }).find("is of another layer"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::train::continual
