#include "lathe/nn/task_heads.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/batch_norm.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/mlp.h"

namespace lathe::nn {
namespace {

std::shared_ptr<Mlp> network() {
  auto mlp = std::make_shared<Mlp>(MlpOptions{.num_inputs = 6, .num_classes = 3, .hidden = {5}});
  mlp->initialize(core::Seed(1));
  return mlp;
}

TEST(TaskHeads, EachTaskHasALastLayerOfItsOwn) {
  const auto mlp = network();
  TaskHeads heads(mlp, {3, 2, 4}, core::Seed(2));
  const torch::Tensor x = torch::randn({7, 6}, generator(core::Seed(3)));
  EXPECT_TRUE(torch::equal(heads.forward(x), mlp->forward(x)));
  heads.select(2);
  EXPECT_TRUE(torch::equal(heads.forward(x), heads.head(2).forward(mlp->features(x))));
  EXPECT_EQ(heads.head_names(), (std::vector<std::string>{"network.linear1", "head1", "head2"}));
  heads.forward(x).sum().backward();
  EXPECT_TRUE(heads.head(2).weight.grad().defined());
  EXPECT_FALSE(heads.head(0).weight.grad().defined());
  EXPECT_FALSE(heads.head(1).weight.grad().defined());
}

TEST(TaskHeads, RefusesWhatDoesNotFit) {
  EXPECT_THROW(TaskHeads(network(), {2, 3}, core::Seed(2)), InputError);
  EXPECT_THROW(TaskHeads(network(), {}, core::Seed(2)), InputError);
  TaskHeads heads(network(), {3, 3}, core::Seed(2));
  EXPECT_THROW(heads.select(2), InputError);
  EXPECT_EQ(heads.selected(), 0);
}

TEST(BatchStatistics, NormaliseByTheBatchAndLeaveNoTrace) {
  torch::nn::Sequential model(torch::nn::BatchNorm1d(4), torch::nn::Dropout(0.5));
  model->eval();
  const torch::Tensor x = 5 + 3 * torch::randn({50, 4}, generator(core::Seed(1)));
  const torch::Tensor running = model->forward(x);
  {
    const BatchStatistics batch(*model);
    const torch::Tensor y = model->forward(x);
    EXPECT_LT(y.mean(0).abs().max().item<double>(), 1e-5);
    EXPECT_FALSE(y.eq(0).any().item<bool>());  // no dropout
  }
  EXPECT_TRUE(torch::equal(model->forward(x), running));
}

}  // namespace
}  // namespace lathe::nn
