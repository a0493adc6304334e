#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {
namespace {

data::Schema images() {
  data::Schema schema;
  schema.shape = {3, 16, 16};
  schema.classes = {"a", "b", "c", "d"};
  return schema;
}

TEST(Features, HeadOfFeaturesIsForwardBitForBit) {
  const torch::Tensor inputs =
      torch::randint(0, 256, {5, 3, 16, 16}, generator(core::Seed(1)), torch::kUInt8);
  for (const char* table : {"kind = 'mlp'\nhidden = [8, 6]", "kind = 'mlp'\nhidden = []",
                            "kind = 'cnn'\nchannels = [4, 6]", "kind = 'resnet'\ndepth = 8\nwidth = 4"}) {
    const auto model = build(core::Config::parse(table), images(), core::Seed(2));
    model->eval();
    const torch::Tensor features = model->features(inputs);
    EXPECT_EQ(features.sizes(), (std::vector<int64_t>{5, model->head().weight.size(1)})) << table;
    EXPECT_TRUE(torch::equal(model->head().forward(features), model->forward(inputs))) << table;
    const auto parameters = model->parameters();
    EXPECT_TRUE(std::any_of(parameters.begin(), parameters.end(), [&](const auto& own) {
      return own.is_same(model->head().weight);
    })) << table;
  }
}

}  // namespace
}  // namespace lathe::nn
