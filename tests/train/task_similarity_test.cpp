#include "lathe/train/task_similarity.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/nn/batch_norm.h"
#include "tests/support/archive.h"
#include "tests/train/scene.h"

namespace lathe::train {
namespace {

using core::Seed;

struct SimilarityScene : Scene {
  std::shared_ptr<optim::GradVac> rule;
  std::shared_ptr<TaskSimilarity> similarity;
  SimilarityScene() {
    model->fit_inputs(train.inputs);
    rule = std::make_shared<optim::GradVac>(*model, std::vector<std::string>{"odd", "even"},
                                            optim::GradVacOptions{});
    similarity = std::make_shared<TaskSimilarity>(model, rule, examples(), optim::cross_entropy());
  }
  std::vector<data::Batch> examples() const {
    std::vector<data::Batch> batches;
    for (int64_t task : {0, 1}) {
      const torch::Tensor rows = torch::arange(1 - task, 60, 2);
      const data::Dataset some = holdout.select(rows);
      batches.push_back({some.inputs, some.targets, rows, {task}});
    }
    return batches;
  }
  Trainer trainer(bool watched) {
    options.micro_batch = 8;
    Trainer trainer(model, optim::make_step(model->parameters(), optim, {.combine = rule}), options, Seed(3));
    trainer.set_tasks({{"odd", "even"}, torch::arange(train.size()).remainder(2)}, 1);
    if (watched) trainer.add_method(similarity);
    return trainer;
  }
};

// In evaluation mode: dropout has no part in it.
TEST(TaskSimilarity, IsTheCosineOfTheGradients) {
  SimilarityScene scene;
  scene.similarity->begin(*scene.model, scene.train, 8);
  for (int64_t step : {0, 1, 2, 3}) scene.similarity->before_step(step);
  EXPECT_EQ(scene.similarity->steps(), (std::vector<int64_t>{0, 2}));
  const torch::Tensor cosines = scene.similarity->cosines();
  EXPECT_TRUE(torch::equal(cosines[0], cosines[1]));

  scene.model->eval();
  const nn::BatchStatistics of_each_task(*scene.model);
  std::vector<std::vector<torch::Tensor>> gradients;
  for (const data::Batch& batch : scene.examples())
    gradients.push_back(
        torch::autograd::grad({optim::cross_entropy()(*scene.model, batch)}, scene.model->parameters()));
  const auto flat = [](const std::vector<torch::Tensor>& tensors) {
    std::vector<torch::Tensor> parts;
    for (const auto& tensor : tensors) parts.push_back(tensor.reshape(-1).to(torch::kFloat64));
    return torch::cat(parts);
  };
  const torch::Tensor a = flat(gradients[0]), b = flat(gradients[1]);
  EXPECT_NEAR(cosines[0][0][0][1].item<double>(), (a.dot(b) / (a.norm() * b.norm())).item<double>(), 1e-6);
  EXPECT_EQ(scene.similarity->components().front(), "all");
  EXPECT_EQ(scene.similarity->components().size(), scene.rule->components().size() + 1);
}

TEST(TaskSimilarity, ChangesNothing) {
  SimilarityScene watched, plain;
  watched.trainer(true).fit(watched.train, watched.holdout);
  plain.trainer(false).fit(plain.train, plain.holdout);
  expect_same_bits(weights(watched), weights(plain));
  EXPECT_GE(watched.similarity->steps().size(), 12u);  // four times in each of three epochs
  EXPECT_TRUE(watched.similarity->cosines().isfinite().all().item<bool>());
}

TEST(TaskSimilarity, IsKeptInTheCheckpoint) {
  SimilarityScene before, after;
  before.similarity->begin(*before.model, before.train, 4);
  for (int64_t step : {0, 1, 2}) before.similarity->before_step(step);
  testing_support::transfer(*before.similarity, *after.similarity);
  EXPECT_EQ(after.similarity->steps(), before.similarity->steps());
  EXPECT_TRUE(torch::equal(after.similarity->cosines(), before.similarity->cosines()));
  SimilarityScene none;
  testing_support::transfer(*none.similarity, *after.similarity);
  EXPECT_TRUE(after.similarity->steps().empty());
}

}  // namespace
}  // namespace lathe::train
