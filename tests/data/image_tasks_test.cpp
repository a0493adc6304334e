#include "lathe/data/image_tasks.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

Dataset noise(int64_t count, int64_t side) {
  Dataset images = testing::numbered_images(count, 5, side);
  core::Random random(3);
  torch::Tensor pixels = torch::empty({count, 1, side, side}, torch::kUInt8);
  for (int64_t i = 0; i < pixels.numel(); ++i)
    pixels.data_ptr<uint8_t>()[i] = static_cast<uint8_t>(1 + random.below(255));
  images.inputs = pixels;
  return images;
}

torch::Tensor of_task(const ImageTasks& tasks, const torch::Tensor& values, int64_t task) {
  return values.index_select(0, tasks.tasks.of_example.eq(task).nonzero().flatten());
}

TEST(ImageTasks, TargetsSayWhatWasDone) {
  const Dataset images = noise(200, 5);
  const ImageTasks tasks = image_tasks(images, brightness_edges(images, 4), core::Seed(1));
  EXPECT_EQ(tasks.tasks.names, (std::vector<std::string>{"class", "rotation", "brightness", "half"}));
  EXPECT_EQ(tasks.num_classes, (std::vector<int64_t>{5, 4, 4, 4}));
  EXPECT_EQ(tasks.examples.size(), 800);
  EXPECT_TRUE(torch::equal(of_task(tasks, tasks.examples.inputs, 0), images.inputs));
  EXPECT_TRUE(torch::equal(of_task(tasks, tasks.examples.targets, 0), images.targets));
  EXPECT_TRUE(torch::equal(of_task(tasks, tasks.examples.inputs, 2), images.inputs));

  const torch::Tensor turned = of_task(tasks, tasks.examples.inputs, 1),
                      quarters = of_task(tasks, tasks.examples.targets, 1),
                      halves = of_task(tasks, tasks.examples.inputs, 3),
                      kept = of_task(tasks, tasks.examples.targets, 3);
  using torch::indexing::None;
  using torch::indexing::Slice;
  const std::vector<std::vector<Slice>> parts = {{Slice(), Slice(None, 2)},
                                                 {Slice(), Slice(2, None)},
                                                 {Slice(None, 2), Slice()},
                                                 {Slice(2, None), Slice()}};
  for (int64_t i = 0; i < 200; ++i) {
    EXPECT_TRUE(torch::equal(turned[i], torch::rot90(images.inputs[i], quarters[i].item<int64_t>(), {1, 2})));
    const auto& part = parts[static_cast<size_t>(kept[i].item<int64_t>())];
    torch::Tensor expected = torch::zeros_like(images.inputs[i]);
    expected.index_put_({0, part[0], part[1]}, images.inputs[i].index({0, part[0], part[1]}));
    EXPECT_TRUE(torch::equal(halves[i], expected)) << i;
  }
  for (const torch::Tensor& drawn : {quarters, kept})
    EXPECT_GE(torch::bincount(drawn, {}, 4).min().item<int64_t>(), 30);
}

TEST(ImageTasks, BrightnessClassesHaveEqualCounts) {
  const Dataset images = noise(400, 6);
  const ImageTasks tasks = image_tasks(images, brightness_edges(images, 4), core::Seed(1));
  const torch::Tensor brightness = of_task(tasks, tasks.examples.targets, 2);
  for (int64_t count = 0; count < 4; ++count) EXPECT_NEAR(brightness.eq(count).sum().item<double>(), 100, 4);
  const torch::Tensor means = images.inputs.flatten(1).to(torch::kFloat64).mean(1);
  EXPECT_LT(means.masked_select(brightness.eq(0)).max().item<double>(),
            means.masked_select(brightness.eq(1)).min().item<double>());
}

TEST(ImageTasks, RefusesOtherData) {
  Dataset wide = noise(3, 4);
  wide.inputs = wide.inputs.narrow(2, 0, 3).contiguous();
  EXPECT_INPUT_ERROR(image_tasks(wide, {1}, core::Seed(1)), "must be square, these are 3×4");
  EXPECT_INPUT_ERROR(brightness_edges(noise(3, 4), 1), "two classes or more");
  Dataset table = noise(3, 4);
  table.inputs = torch::zeros({3, 4});
  EXPECT_INPUT_ERROR(brightness_edges(table, 2), "uint8 [N, C, S, S]");
}

}  // namespace
}  // namespace lathe::data
