#pragma once
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/progress.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/initialization.h"
#include "lathe/optim/optimizer.h"
#include "lathe/train/trainer.h"

// A training that takes a blink, and how two of them are compared.
namespace lathe::train {

// Three classes of 8×8 noise: with bright rows, with bright columns, with neither.
inline data::Dataset stripes(int64_t count, uint64_t seed) {
  data::Dataset dataset;
  dataset.schema.shape = {1, 8, 8};
  dataset.schema.classes = {"rows", "columns", "neither"};
  dataset.targets = torch::arange(count).remainder(3);
  dataset.inputs = torch::randint(0, 120, {count, 1, 8, 8}, nn::generator(core::Seed(seed)), torch::kUInt8);
  for (int64_t i = 0; i < count; ++i)
    if (i % 3 < 2) dataset.inputs[i].slice(1 + i % 3, 0, 8, 2).add_(120);
  return dataset;
}

constexpr const char* kModel = "kind = 'cnn'\nchannels = [4, 8]\ndropout = 0.2";

struct Scene {
  TrainOptions options = {.epochs = 3,
                          .batch_size = 16,
                          .schedule = {.kind = "one-cycle"},
                          .augment = {.flip = false, .crop = 1}};
  optim::OptimizerOptions optim = {.lr = 0.05};
  data::Dataset train = stripes(160, 1), holdout = stripes(60, 2);
  std::shared_ptr<nn::Classifier> model =
      nn::build(core::Config::parse(kModel), stripes(3, 1).schema, core::Seed(7));
  Scene() { core::Progress::set_quiet(true); }
  Trainer trainer() {
    model->fit_inputs(train.inputs);
    return Trainer(model, optim::make_step(model->parameters(), optim), options, core::Seed(3));
  }
};

inline std::vector<torch::Tensor> weights(const Scene& setup) {
  std::vector<torch::Tensor> copies;
  for (const auto& tensor : trained_tensors(*setup.model)) copies.push_back(tensor.clone());
  return copies;
}

inline void expect_same_bits(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(torch::equal(a[i], b[i])) << "tensor " << i;
}

}  // namespace lathe::train
