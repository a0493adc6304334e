#include "lathe/train/continual/gradient_factors.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/nn/initialization.h"
#include "lathe/train/continual/gradient_projection_memory.h"

namespace lathe::train::continual {
namespace {

torch::Tensor normal(std::vector<int64_t> shape, uint64_t seed) {
  return torch::randn(shape, nn::generator(core::Seed(seed)));
}

struct Net : torch::nn::Module {
  explicit Net(bool bias)
      : first(register_module("first", torch::nn::Linear(torch::nn::LinearOptions(20, 30).bias(bias)))),
        second(register_module("second", torch::nn::Linear(torch::nn::LinearOptions(30, 12).bias(bias)))) {}
  torch::Tensor forward(const torch::Tensor& x) { return second->forward(first->forward(x).relu()); }
  torch::nn::Linear first, second;
};

TEST(GradientFactors, MultiplyToTheGradient) {
  for (const bool bias : {false, true}) {
    Net net(bias);
    const std::vector<Layer> layers = find_layers(net).layers;
    FactorWatch watch;
    const torch::Tensor loss = net.forward(normal({5, 20}, 1)).square().sum();
    watch.begin(loss, layers);
    loss.backward();
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto factors = watch.take(i);
      ASSERT_TRUE(factors) << layers[i].name;
      EXPECT_TRUE(
          torch::allclose(factors->deltas.t().mm(factors->inputs), layers[i].weight.grad(), 1e-4, 1e-4));
      if (bias) EXPECT_TRUE(torch::allclose(factors->deltas.sum(0), layers[i].bias.grad(), 1e-4, 1e-4));
      EXPECT_FALSE(watch.take(i));
    }
  }
}

TEST(GradientFactors, AreNoneWhereAGradientHasOtherParts) {
  Net net(true);
  const std::vector<Layer> layers = find_layers(net).layers;
  const torch::Tensor x = normal({5, 20}, 1);
  FactorWatch watch;
  const auto found = [&](const torch::Tensor& loss) {
    watch.begin(loss, layers);
    loss.backward();
    return std::vector<bool>{watch.take(0).has_value(), watch.take(1).has_value()};
  };
  EXPECT_EQ(found(net.forward(x).sum()), (std::vector<bool>{true, true}));
  EXPECT_EQ(found(net.forward(x).sum() + net.forward(2 * x).sum()), (std::vector<bool>{false, false}));
  EXPECT_EQ(found(net.forward(x).sum() + net.first->weight.square().sum()), (std::vector<bool>{false, true}));
  EXPECT_EQ(found(net.first->forward(x).sum()), (std::vector<bool>{true, false}));
}

// Through the inputs or through the gradient: the same projection, also of the bias.
TEST(GradientFactors, ProjectAsTheGradientDoes) {
  for (const bool bias : {false, true}) {
    for (const int64_t rows : {3, 200}) {
      Net net(bias);
      GradientProjectionMemory memory(net, {.threshold = {0.8}, .threshold_step = 0});
      memory.end_task([&] { net.forward(normal({50, 20}, 2)); });
      const auto gradients = [&](bool watched) {
        net.zero_grad();
        const torch::Tensor loss = net.forward(normal({rows, 20}, 3)).square().mean();
        if (watched) memory.watch(loss);
        loss.backward();
        optim::StepReport report;
        memory.apply({}, report);
        std::vector<torch::Tensor> copies;
        for (const torch::Tensor& p : net.parameters()) copies.push_back(p.grad().clone());
        return copies;
      };
      const auto plain = gradients(false), watched = gradients(true);
      for (size_t i = 0; i < plain.size(); ++i) {
        EXPECT_LT((plain[i] - watched[i]).norm().item<double>(),
                  1e-5 * plain[i].norm().item<double>() + 1e-7);
        EXPECT_EQ(torch::equal(plain[i], watched[i]), rows == 200) << i;  // few rows go the other way
      }
    }
  }
}

}  // namespace
}  // namespace lathe::train::continual
