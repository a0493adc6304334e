#include "lathe/data/shifted_objects.h"

#include <torch/torch.h>

#include "lathe/data/objects.h"
#include "lathe/data/scenes.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using core::Seed;

const ShiftedObjectsOptions kFew = {.train = 1500, .validation = 200, .test = 300, .size = 16};

// Which place each image shows, told by putting nothing (no cover) before it.
TEST(ShiftedImages, ContextsAreThoseOfTheSets) {
  Dataset objects;
  objects.targets = torch::arange(4000).remainder(5);
  objects.inputs = torch::zeros({4000, 1, 1, 1}, torch::kUInt8);
  objects.schema.shape = {1, 1, 1};
  objects.schema.classes = {"a", "b", "c", "d", "e"};
  const PutIntoContext show = [](const torch::Tensor&, const std::vector<int64_t>& contexts, Seed) {
    return torch::tensor(contexts, torch::kInt64).to(torch::kUInt8).view({-1, 1, 1, 1}).expand({-1, 3, 1, 1});
  };
  const ShiftedImages images = shifted_images(objects, objects, objects, show, Seed(2),
                                              {.bias = 0.7, .anomaly_class = 2, .contexts_per_set = 6});
  const auto context = [](const Dataset& dataset) {
    return dataset.inputs.select(1, 0).flatten().to(torch::kInt64);
  };
  EXPECT_EQ(images.train.schema.classes, (std::vector<std::string>{"a", "b", "d", "e"}));
  const torch::Tensor own = context(images.train).eq(images.train.targets);
  EXPECT_NEAR(own.to(torch::kFloat64).mean().item<double>(), 0.7, 0.03);
  EXPECT_TRUE(torch::equal(images.train_minority, own.logical_not().to(torch::kUInt8)));
  const auto all_in = [](const torch::Tensor& values, int64_t begin, int64_t end) {
    return values.ge(begin).logical_and(values.lt(end)).all().item<bool>();
  };
  EXPECT_TRUE(all_in(context(images.train).masked_select(own.logical_not()), 4, 10));
  EXPECT_TRUE(all_in(context(images.xn_test), 10, 16));
  EXPECT_TRUE(all_in(context(images.xn_validation), 16, 22));
  EXPECT_TRUE(all_in(context(images.sg_test), 0, 4));
  EXPECT_FALSE(context(images.sg_test).eq(images.sg_test.targets).any().item<bool>());
  EXPECT_TRUE(all_in(images.anomalies.select(1, 0).flatten().to(torch::kInt64), 0, 4));
  EXPECT_EQ(images.anomalies.size(0), 800);
}

TEST(PutBefore, BlendsByTheCover) {
  torch::Tensor objects = torch::full({1, 4, 1, 3}, 200, torch::kUInt8);
  objects[0][3][0] = torch::tensor({0, 255, 51}, torch::kUInt8);
  const torch::Tensor image = put_before(objects, torch::full({1, 3, 1, 3}, 100, torch::kUInt8));
  for (int64_t c = 0; c < 3; ++c)
    EXPECT_TRUE(torch::equal(image[0][c][0], torch::tensor({100, 200, 120}, torch::kUInt8)));
  EXPECT_INPUT_ERROR(put_before(objects, torch::zeros({2, 3, 1, 3}, torch::kUInt8)), "backgrounds uint8");
}

// A sphere's silhouette is a disc; others are not alike.
TEST(Solids, AreWhatTheyAreNamed) {
  const Dataset dataset = solids({.size = 32, .num_images = 200}, Seed(1));
  const torch::Tensor cover = dataset.inputs.select(1, 3).to(torch::kFloat64) / 255;
  for (int64_t i = 0; i < 200; i += 10) {
    const torch::Tensor disc = cover[i];
    const double area = disc.sum().item<double>();
    const torch::Tensor axis = torch::arange(32, torch::kFloat64);
    const auto spread = [&](int64_t dim) {
      const torch::Tensor mass = disc.sum(dim) / area;
      const double mean = mass.dot(axis).item<double>();
      return mass.dot((axis - mean).square()).item<double>();
    };
    // Of a disc of this area, second moments are area / 4π each.
    EXPECT_NEAR(spread(0), area / (4 * 3.14159265), 0.04 * area);
    EXPECT_NEAR(spread(1), area / (4 * 3.14159265), 0.04 * area);
    EXPECT_NEAR(std::sqrt(area / 3.14159265) / 32, 0.85 * 0.375, 0.85 * 0.08);
  }
  for (int64_t i = 0; i < 200; ++i) {
    EXPECT_GT(cover[i].sum().item<double>(), 20) << dataset.schema.classes[static_cast<size_t>(i % 10)];
    EXPECT_EQ(cover[i].slice(0, 0, 1).sum().item<double>(), 0);  // no solid is cut off
  }
  EXPECT_TRUE(
      torch::equal(solids({.size = 32, .num_images = 20}, Seed(1)).inputs, dataset.inputs.slice(0, 0, 20)));
  EXPECT_INPUT_ERROR(solids({.size = 4}, Seed(1)), "16 to 512");
}

TEST(Scenes, PlacesAreTheirOwnAndEachImageAnother) {
  const torch::Tensor a = scenes({0, 0, 1, 9, 9, 10}, 24, Seed(1), Seed(2));
  EXPECT_FALSE(torch::equal(a[0], a[1]));
  const auto mean = [&](int64_t i) { return a[i].to(torch::kFloat64).mean({1, 2}); };
  EXPECT_GT(mean(0)[1].item<double>(), mean(0)[2].item<double>() + 30);  // grass is green
  EXPECT_GT(mean(2)[2].item<double>(), mean(2)[0].item<double>() + 30);  // the sea is blue
  EXPECT_FALSE(torch::equal(a[3], a[5]));
  EXPECT_TRUE(torch::equal(scenes({0, 0, 1, 9, 9, 10}, 24, Seed(1), Seed(2)), a));
  EXPECT_FALSE(torch::equal(scenes({9}, 24, Seed(3), Seed(2))[0], scenes({9}, 24, Seed(1), Seed(2))[0]));
  EXPECT_EQ(scene_names().size(), 9u);
  EXPECT_INPUT_ERROR(scenes({-1}, 24, Seed(1), Seed(2)), "no place -1");
}

TEST(ShiftedObjects, OnScenesAndOnColours) {
  const ShiftedImages on_scenes = objects_on_scenes(kFew, Seed(4));
  EXPECT_EQ(on_scenes.train.inputs.sizes(), (std::vector<int64_t>{1350, 3, 16, 16}));
  EXPECT_EQ(on_scenes.train.schema.classes.front(), "cube");
  EXPECT_EQ(on_scenes.anomalies.size(0), 30);
  const ShiftedImages on_colours = glyphs_on_colours(kFew, Seed(4));
  EXPECT_EQ(on_colours.train.schema.num_classes(), 9);
  const double own = 1 - on_colours.train_minority.to(torch::kFloat64).mean().item<double>();
  EXPECT_NEAR(own, 0.8, 0.04);
  // The corner of an image is background: of a class's own colour, four times in five.
  const torch::Tensor corner = on_colours.sg_test.inputs.select(2, 0).select(2, 0);
  EXPECT_LE(
      std::get<0>(torch::_unique2(corner.to(torch::kInt64).matmul(torch::tensor({65536, 256, 1})))).numel(),
      12);
}

}  // namespace
}  // namespace lathe::data
