#include "lathe/data/coloured_images.h"

#include <torch/torch.h>

#include <cmath>
#include <set>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using core::Seed;

// Class i mod 10; a bright square on dark grey.
Dataset grey(int64_t count) {
  Dataset dataset = testing::numbered_images(count, 10, 6);
  dataset.inputs = torch::full({count, 1, 6, 6}, 40, torch::kUInt8);
  dataset.inputs.slice(2, 1, 4).slice(3, 1, 4).fill_(200);
  return dataset;
}

constexpr int64_t kTrain = 5000;
ColouredImages scene(const ColouredImagesOptions& options = {}) {
  return coloured_images(grey(kTrain), grey(500), grey(1000), Seed(3), options);
}

Colour colour_of(const torch::Tensor& image) {
  Colour colour;
  for (int64_t c = 0; c < 3; ++c) colour[static_cast<size_t>(c)] = image[c].max().item<uint8_t>();
  return colour;
}

size_t target(const Dataset& dataset, int64_t i) {
  return static_cast<size_t>(dataset.targets[i].item<int64_t>());
}

TEST(ColouredImages, PaintsWhatIsAboveTheThreshold) {
  const ColouredImages images = scene();
  const torch::Tensor image = images.train.inputs[0];
  ASSERT_EQ(image.sizes(), (std::vector<int64_t>{3, 6, 6}));
  EXPECT_EQ(images.train.schema.shape, (std::vector<int64_t>{3, 6, 6}));
  const torch::Tensor inside = torch::zeros({6, 6}, torch::kBool);
  inside.slice(0, 1, 4).slice(1, 1, 4).fill_(true);
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_EQ(image[c].masked_select(inside.logical_not()).max().item<int>(), 0);
    EXPECT_TRUE(image[c].masked_select(inside).eq(image[c].max()).all().item<bool>());
  }
}

TEST(ColouredImages, LeavesTheAnomalyClassOut) {
  const ColouredImages images = scene({.shift = {.anomaly_class = 4}});
  EXPECT_EQ(images.train.size(), kTrain * 9 / 10);
  EXPECT_EQ(images.train.schema.num_classes(), 9);
  EXPECT_EQ(images.train.schema.classes[4], grey(10).schema.classes[5]);
  EXPECT_EQ(images.anomalies.size(0), 100);
  // Grey example 5 is of class 5, the fifth that is left.
  EXPECT_EQ(target(images.train, 3), 3u);
  EXPECT_EQ(target(images.train, 4), 4u);
}

TEST(ColouredImages, OwnColourHasItsShare) {
  const ColouredImages images = scene();
  const double n = static_cast<double>(images.train.size()), p = 0.8;
  const double own = 1 - images.train_minority.to(torch::kFloat64).mean().item<double>();
  EXPECT_NEAR(own, p, 3 * std::sqrt(p * (1 - p) / n));
  for (int64_t i = 0; i < images.train.size(); ++i) {
    const bool is_own = colour_of(images.train.inputs[i]) == images.colours.own[target(images.train, i)];
    ASSERT_EQ(images.train_minority[i].item<int>() == 0, is_own) << i;
  }
}

TEST(ColouredImages, SetsOfColoursAreFarApart) {
  const ColouredImages images = scene();
  const std::vector<std::vector<Colour>> sets = {images.colours.own, images.colours.others,
                                                 images.colours.test, images.colours.validation};
  EXPECT_EQ(sets[0].size(), 9u);
  for (size_t a = 0; a < sets.size(); ++a)
    for (size_t b = 0; b < a; ++b) {
      EXPECT_EQ(sets[a].size(), 10u);
      for (const Colour& x : sets[a])
        for (const Colour& y : sets[b]) {
          double distance = 0;
          for (size_t i = 0; i < 3; ++i) distance += (x[i] - y[i]) * (x[i] - y[i]);
          EXPECT_GT(distance, 2500);
        }
    }
}

TEST(ColouredImages, ShiftedSetsShowTheColoursTheyAreNamedFor) {
  const ColouredImages images = scene();
  const auto colours = [](const Dataset& dataset) {
    std::set<Colour> seen;
    for (int64_t i = 0; i < dataset.size(); ++i) seen.insert(colour_of(dataset.inputs[i]));
    return seen;
  };
  const auto as_set = [](const std::vector<Colour>& list) {
    return std::set<Colour>(list.begin(), list.end());
  };
  EXPECT_EQ(colours(images.xn_test), as_set(images.colours.test));
  EXPECT_EQ(colours(images.xn_validation), as_set(images.colours.validation));
  EXPECT_EQ(colours(images.sg_test), as_set(images.colours.own));
  for (const Dataset* sg : {&images.sg_test, &images.sg_validation})
    for (int64_t i = 0; i < sg->size(); ++i)
      EXPECT_NE(colour_of(sg->inputs[i]), images.colours.own[target(*sg, i)]);
  const std::set<Colour> own = as_set(images.colours.own);
  for (int64_t i = 0; i < images.anomalies.size(0); ++i)
    EXPECT_TRUE(own.count(colour_of(images.anomalies[i])));
}

TEST(ColouredImages, SameSeedSameBits) {
  const ColouredImages a = scene(), b = scene();
  EXPECT_TRUE(torch::equal(a.train.inputs, b.train.inputs));
  EXPECT_TRUE(torch::equal(a.sg_test.inputs, b.sg_test.inputs));
  EXPECT_TRUE(torch::equal(a.anomalies, b.anomalies));
  const ColouredImages c = coloured_images(grey(kTrain), grey(500), grey(1000), Seed(4));
  EXPECT_FALSE(torch::equal(a.train.inputs, c.train.inputs));
}

TEST(ColouredImages, RefusesWhatItCannotColour) {
  Dataset table = grey(100);
  table.inputs = torch::zeros({100, 4});
  EXPECT_INPUT_ERROR(coloured_images(table, grey(10), grey(10), Seed(0)), "grey images");
  EXPECT_INPUT_ERROR(scene({.shift = {.bias = 1.5}}), "bias must be in [0, 1]");
  EXPECT_INPUT_ERROR(scene({.shift = {.anomaly_class = 10}}), "anomaly_class must be in [0, 10)");
  EXPECT_INPUT_ERROR(scene({.least_distance = 1e6}), "no room for 10 colours");
}

}  // namespace
}  // namespace lathe::data
