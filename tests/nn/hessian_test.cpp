#include "lathe/nn/hessian.h"

#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/nn/archive.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/script_model.h"

namespace lathe::nn {
namespace {

using core::Seed;
using Tensors = std::vector<torch::Tensor>;

torch::Tensor normal(std::vector<int64_t> sizes, uint64_t seed) {
  return torch::randn(sizes, generator(Seed(seed)), torch::kFloat64);
}

// A small network with smooth activations, in float64, its examples in batches of different sizes.
struct Problem {
  torch::Tensor first = normal({5, 4}, 1).requires_grad_(), bias = normal({5}, 2).requires_grad_(),
                second = normal({3, 5}, 3).requires_grad_();
  torch::Tensor inputs = normal({11, 4}, 4), targets = torch::arange(11).remainder(3);
  Tensors parameters = {first, bias, second};

  torch::Tensor loss(int64_t begin, int64_t end) const {
    const torch::Tensor hidden = torch::tanh(torch::linear(inputs.slice(0, begin, end), first, bias));
    return torch::cross_entropy_loss(torch::linear(hidden, second), targets.slice(0, begin, end));
  }
  MeanLoss batches() const {
    return {.batch_loss = [this](int64_t i) { return loss(i * 4, std::min<int64_t>(i * 4 + 4, 11)); },
            .batch_sizes = {4, 4, 3}};
  }
};

// Column by column from the gradient's entries.
torch::Tensor full_hessian(const torch::Tensor& loss, const Tensors& parameters) {
  const torch::Tensor gradient = [&] {
    Tensors parts;
    for (const auto& g : torch::autograd::grad({loss}, parameters, {}, true, true))
      parts.push_back(g.reshape(-1));
    return torch::cat(parts);
  }();
  Tensors rows;
  for (int64_t i = 0; i < gradient.numel(); ++i)
    rows.push_back(flatten(torch::autograd::grad({gradient[i]}, parameters, {}, true)));
  return torch::stack(rows);
}

TEST(Hessian, ValueAndGradientAreThoseOfAllExamples) {
  const Problem problem;
  const torch::Tensor loss = problem.loss(0, 11);
  const auto [value_at_w, gradient] = value_and_gradient(problem.batches(), problem.parameters);
  EXPECT_NEAR(value(problem.batches()), loss.item<double>(), 1e-12);
  EXPECT_NEAR(value_at_w, loss.item<double>(), 1e-12);
  EXPECT_TRUE(
      torch::allclose(gradient, flatten(torch::autograd::grad({loss}, problem.parameters)), 0, 1e-12));
}

TEST(Hessian, ProductsAreThoseOfTheWholeMatrix) {
  const Problem problem;
  const torch::Tensor hessian = full_hessian(problem.loss(0, 11), problem.parameters);
  for (uint64_t seed : {10, 11, 12}) {
    const torch::Tensor v = normal({40}, seed);
    const torch::NoGradGuard callers_mode;
    const torch::Tensor product = hessian_vector_product(problem.batches(), problem.parameters, v);
    EXPECT_TRUE(torch::allclose(product, hessian.mv(v), 1e-10, 1e-12));
    EXPECT_FALSE(product.requires_grad());
  }
  EXPECT_FALSE(problem.first.grad().defined());
}

TEST(Hessian, ProductsAreDifferencesOfGradients) {
  const Problem problem;
  const torch::Tensor v = normal({40}, 20);
  const double step = 1e-5;
  const Tensors parts = unflatten(v, problem.parameters);
  const auto gradient_at = [&](double t) {
    const auto move = [&](double by) {
      const torch::NoGradGuard no_grad;
      for (size_t i = 0; i < parts.size(); ++i) problem.parameters[i].detach().add_(parts[i], by);
    };
    move(t);
    const torch::Tensor gradient = value_and_gradient(problem.batches(), problem.parameters).gradient;
    move(-t);
    return gradient;
  };
  const torch::Tensor difference = (gradient_at(step) - gradient_at(-step)) / (2 * step);
  const torch::Tensor product = hessian_vector_product(problem.batches(), problem.parameters, v);
  EXPECT_LT((product - difference).norm().item<double>(), 1e-7 * product.norm().item<double>());
}

// L = mean of −log softmax(x Wᵀ): ∂²L/∂W² = mean of (diag p − p pᵀ) ⊗ x xᵀ.
TEST(Hessian, OfSoftmaxRegressionInClosedForm) {
  const torch::Tensor weight = normal({3, 4}, 1).requires_grad_(), x = normal({9, 4}, 2);
  const torch::Tensor targets = torch::arange(9).remainder(3);
  const MeanLoss loss{
      .batch_loss = [&](int64_t) { return torch::cross_entropy_loss(torch::linear(x, weight), targets); },
      .batch_sizes = {9}};
  torch::Tensor hessian = torch::zeros({12, 12}, torch::kFloat64);
  for (int64_t i = 0; i < 9; ++i) {
    const torch::Tensor p = torch::mv(weight.detach(), x[i]).softmax(0);
    hessian += torch::kron(torch::diag(p) - torch::outer(p, p), torch::outer(x[i], x[i])) / 9;
  }
  for (int64_t i = 0; i < 12; ++i) {
    const torch::Tensor unit = torch::zeros({12}, torch::kFloat64).index_fill_(0, torch::tensor(i), 1);
    EXPECT_TRUE(
        torch::allclose(hessian_vector_product(loss, {weight}, unit), hessian.select(1, i), 0, 1e-12));
  }
}

TEST(Hessian, LinearAndUnusedParametersHaveZeros) {
  const torch::Tensor linear = normal({2}, 1).requires_grad_(), unused = normal({2}, 2).requires_grad_(),
                      square = normal({2}, 3).requires_grad_();
  const MeanLoss loss{.batch_loss = [&](int64_t) { return linear.sum() + square.square().sum(); },
                      .batch_sizes = {1}};
  const torch::Tensor v = torch::ones({6}, torch::kFloat64);
  const torch::Tensor expected = torch::tensor({0.0, 0.0, 0.0, 0.0, 2.0, 2.0}, torch::kFloat64);
  EXPECT_TRUE(torch::equal(hessian_vector_product(loss, {linear, unused, square}, v), expected));
  const MeanLoss flat{.batch_loss = [&](int64_t) { return linear.sum(); }, .batch_sizes = {1}};
  EXPECT_TRUE(torch::equal(hessian_vector_product(flat, {linear}, v.slice(0, 0, 2)),
                           torch::zeros({2}, torch::kFloat64)));
  EXPECT_THROW(hessian_vector_product(loss, {linear}, v), Error);
}

// Channels-last weights are flattened in the order of their indices, not of their memory.
TEST(Hessian, FlatVectorsDoNotDependOnMemoryLayout) {
  const torch::Tensor weight = normal({2, 3, 4, 4}, 1);
  const torch::Tensor last = weight.contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(torch::equal(flatten({last}), weight.reshape(-1)));
  EXPECT_TRUE(torch::equal(unflatten(flatten({last}), {last})[0], weight));
}

// A chain that TorchScript differentiates and fuses by itself once it has seen it a few times.
torch::jit::Module scripted_mlp() {
  torch::jit::Module module("mlp");
  module.register_parameter("first", normal({6, 4}, 1), false);
  module.register_parameter("bias", normal({6}, 2), false);
  module.register_parameter("second", normal({3, 6}, 3), false);
  module.define(R"(
def forward(self, x):
    hidden = torch.tanh(torch.addmm(self.bias, x, self.first.t()))
    hidden = hidden * torch.sigmoid(hidden) + torch.relu(hidden)
    return torch.mm(torch.layer_norm(hidden, [6]), self.second.t())
)");
  return module;
}

TEST(Hessian, GoesThroughTorchScript) {
  ScriptModel model(scripted_mlp());
  const Tensors p = model.parameters();
  const torch::Tensor inputs = normal({11, 4}, 4), targets = torch::arange(11).remainder(3);
  const MeanLoss script{
      .batch_loss = [&](int64_t) { return torch::cross_entropy_loss(model.forward(inputs), targets); },
      .batch_sizes = {11}};
  const MeanLoss native{.batch_loss =
                            [&](int64_t) {
                              torch::Tensor hidden = torch::tanh(torch::linear(inputs, p[0], p[1]));
                              hidden = hidden * torch::sigmoid(hidden) + torch::relu(hidden);
                              hidden = torch::layer_norm(hidden, {6});
                              return torch::cross_entropy_loss(torch::linear(hidden, p[2]), targets);
                            },
                        .batch_sizes = {11}};
  for (uint64_t i = 0; i < 5; ++i) {
    const torch::Tensor v = normal({48}, i);
    EXPECT_TRUE(torch::allclose(hessian_vector_product(script, p, v), hessian_vector_product(native, p, v),
                                1e-9, 1e-10))
        << i;
  }
}

// An archive of our own run as the TorchScript that it is: convolution, batch norm, pooling.
TEST(Hessian, GoesThroughArchives) {
  data::Schema schema;
  schema.shape = {1, 8, 8};
  schema.classes = {"a", "b", "c"};
  const auto original =
      build(core::Config::parse("kind = 'cnn'\nchannels = [4, 8]\npool_every = 1"), schema, Seed(1));
  original->eval();
  const core::TemporaryDirectory directory;
  save(*original, directory.path() / "model.pt");
  std::unordered_map<std::string, std::string> no_files;
  ScriptModel script(load_script(directory.path() / "model.pt", no_files));
  script.eval();
  for (torch::Tensor& parameter : script.parameters()) parameter.set_requires_grad(true);

  const torch::Tensor inputs = torch::randint(0, 256, {6, 1, 8, 8}, generator(Seed(5)), torch::kUInt8);
  const auto product = [&](Model& model, const torch::Tensor& v) {
    const MeanLoss loss{.batch_loss =
                            [&](int64_t) {
                              return torch::cross_entropy_loss(model.forward(inputs),
                                                               torch::arange(6).remainder(3));
                            },
                        .batch_sizes = {6}};
    return hessian_vector_product(loss, model.parameters(), v);
  };
  const int64_t dimension = flatten(original->parameters()).numel();
  for (uint64_t i = 0; i < 5; ++i) {
    const torch::Tensor v = normal({dimension}, i);
    const torch::Tensor expected = product(*original, v);
    EXPECT_GT(expected.norm().item<double>(), 1e-3);
    EXPECT_TRUE(torch::allclose(product(script, v), expected, 1e-3, 1e-4)) << i;
  }
}

}  // namespace
}  // namespace lathe::nn
