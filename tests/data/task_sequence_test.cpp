#include "lathe/data/task_sequence.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

Dataset counted() {
  Dataset dataset;
  dataset.schema.shape = {2, 3, 3};
  dataset.schema.classes = {"a", "b", "c", "d"};
  dataset.inputs = torch::arange(8 * 18).to(torch::kUInt8).view({8, 2, 3, 3});
  dataset.targets = torch::tensor({0, 1, 2, 3, 3, 2, 1, 0}, torch::kInt64);
  return dataset;
}

TEST(TaskSequence, PermutedTasksMovePixelsAlikeInAllImages) {
  const Dataset images = counted();
  EXPECT_TRUE(torch::equal(permuted_task(images, 0, core::Seed(1)).inputs, images.inputs));
  const Dataset task = permuted_task(images, 1, core::Seed(1));
  EXPECT_FALSE(torch::equal(task.inputs, images.inputs));
  EXPECT_TRUE(torch::equal(task.targets, images.targets));
  EXPECT_TRUE(torch::equal(std::get<0>(task.inputs.flatten(2).sort(2)), images.inputs.flatten(2)));
  // One order: image and channel i differ from 0 by the same number at every pixel, before and after.
  const torch::Tensor pixels = task.inputs.view({16, 9}).to(torch::kInt64);
  for (int64_t i = 1; i < 16; ++i) EXPECT_EQ((pixels[i] - pixels[0] - 9 * i).abs().sum().item<int64_t>(), 0);
  EXPECT_TRUE(torch::equal(permuted_task(images, 1, core::Seed(1)).inputs, task.inputs));
  EXPECT_FALSE(torch::equal(permuted_task(images, 2, core::Seed(1)).inputs, task.inputs));
  EXPECT_FALSE(torch::equal(permuted_task(images, 1, core::Seed(2)).inputs, task.inputs));
}

TEST(TaskSequence, SplitTasksNumberTheirClassesFromZero) {
  const std::vector<Dataset> tasks = split_by_class(counted(), 2);
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[1].schema.classes, (std::vector<std::string>{"c", "d"}));
  EXPECT_TRUE(torch::equal(tasks[1].targets, torch::tensor({0, 1, 1, 0}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(tasks[1].inputs, counted().inputs.slice(0, 2, 6)));
  EXPECT_THROW(split_by_class(counted(), 3), InputError);
}

TEST(TaskSequence, AQuarterTurnIsCounterClockwise) {
  const torch::Tensor before = counted().inputs[0][0], after = rotated_task(counted(), 1).inputs[0][0];
  // The right column becomes the upper row.
  EXPECT_TRUE(torch::equal(after[0], before.select(1, 2)));
  EXPECT_TRUE(torch::equal(rotated_task(rotated_task(counted(), 1), 3).inputs, counted().inputs));
}

TEST(TaskSequence, TablesHaveNoPixels) {
  Dataset table = counted();
  table.inputs = torch::zeros({8, 3});
  EXPECT_THROW(permuted_task(table, 1, core::Seed(1)), InputError);
  EXPECT_THROW(rotated_task(table, 1), InputError);
}

}  // namespace
}  // namespace lathe::data
