#include "lathe/nn/batch_norm.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/nn/cnn.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/mlp.h"

namespace lathe::nn {
namespace {

// Two layers of batch norm with a ReLU between; statistics by hand in double precision.
class TwoNorms : public Model {
 public:
  TwoNorms() {
    register_module("first", first);
    register_module("second", second);
    register_module("dropout", dropout);
  }
  torch::Tensor forward(torch::Tensor x) override {
    return second->forward(dropout->forward(first->forward(x)).relu());
  }
  torch::nn::BatchNorm1d first{5}, second{5};
  torch::nn::Dropout dropout{0.5};
};

TEST(RecomputeBatchNorm, EqualsTheStatisticsOfTheDataSet) {
  TwoNorms model;
  const torch::Tensor x = torch::randn({4000, 5}, generator(core::Seed(1))) * 3 + 1;
  recompute_batch_norm(model, x, 4000);
  const torch::Tensor inputs = x.to(torch::kFloat64);
  const auto expect = [](const torch::nn::BatchNorm1d& layer, const torch::Tensor& values) {
    EXPECT_TRUE(torch::allclose(layer->running_mean.to(torch::kFloat64), values.mean(0), 1e-4, 1e-5));
    EXPECT_TRUE(torch::allclose(layer->running_var.to(torch::kFloat64), values.var(0), 1e-4, 1e-5));
  };
  expect(model.first, inputs);
  const torch::Tensor normalised =
      (inputs - inputs.mean(0)) / (inputs.var(0, /*unbiased=*/false) + 1e-5).sqrt();
  expect(model.second, normalised.relu());
}

TEST(RecomputeBatchNorm, AveragesBatchesWhateverTheirOrder) {
  const torch::Tensor x = torch::randn({1000, 5}, generator(core::Seed(2)));
  TwoNorms forwards, backwards;
  recompute_batch_norm(forwards, x, 100);
  std::vector<torch::Tensor> batches = x.split(100);
  std::reverse(batches.begin(), batches.end());
  recompute_batch_norm(backwards, torch::cat(batches), 100);
  EXPECT_TRUE(torch::allclose(forwards.second->running_var, backwards.second->running_var, 1e-5, 1e-6));
  torch::Tensor mean = torch::zeros({5});
  for (const torch::Tensor& batch : batches) mean += batch.mean(0) / 10;
  EXPECT_TRUE(torch::allclose(forwards.first->running_mean, mean, 1e-5, 1e-6));
}

TEST(RecomputeBatchNorm, LeavesTheRestAsItWas) {
  TwoNorms model;
  model.train();
  model.forward(torch::randn({8, 5}));
  model.second->eval();
  recompute_batch_norm(model, torch::randn({64, 5}), 16);
  EXPECT_TRUE(model.is_training() && model.first->is_training() && model.dropout->is_training());
  EXPECT_FALSE(model.second->is_training());
  EXPECT_EQ(model.first->num_batches_tracked.item<int64_t>(), 1);
  EXPECT_EQ(*model.first->options.momentum(), 0.1);
  EXPECT_FALSE(model.first->running_mean.requires_grad());

  Mlp none({.num_inputs = 4, .num_classes = 2});
  EXPECT_FALSE(has_batch_norm(none));
  bool fed = false;
  recompute_batch_norm(none, [&] { fed = true; });
  EXPECT_FALSE(fed);
}

TEST(RecomputeBatchNorm, PutsThingsBackWhenTheFeedThrows) {
  Cnn model({.channels = {4, 8}});
  model.train();
  EXPECT_TRUE(has_batch_norm(model));
  EXPECT_THROW(recompute_batch_norm(model, [] { throw std::runtime_error("no data"); }), std::runtime_error);
  for (const auto& module : model.modules(/*include_self=*/false)) EXPECT_TRUE(module->is_training());
}

}  // namespace
}  // namespace lathe::nn
