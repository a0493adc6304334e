#include "lathe/data/sprites.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::data {
namespace {

using core::Seed;

// The figure's share of its circle, from how much brighter than the paper an image is in all.
double area(const torch::Tensor& image) {
  const torch::Tensor grey = image.to(torch::kFloat64) / 255;
  const double paper = grey.min().item<double>(), ink = grey.max().item<double>();
  return (grey - paper).sum().item<double>() / (ink - paper);
}

// Areas in the unit circle by hand: disc π, ring π (1 − 0.36), half disc π/2, triangle 3√3/4, square 2, bar
// 1.94 · 0.48, star 5 · 0.4 · sin 36°, cross 2 · 1.94 · 0.48 − 0.48², arrow 1.15 · 0.44 + 0.6, corner 1.4 ·
// 0.45 + 0.95 · 0.45.
TEST(Sprites, HaveTheAreasOfTheirFigures) {
  const std::vector<double> areas = {3.1416, 2.0106, 1.5708, 1.2990, 2.0,
                                     0.9312, 1.1756, 1.6320, 1.106,  1.0575};
  const Dataset dataset =
      sprites({.size = 64, .images_per_class = 5, .least_radius = 0.4, .radius = 0.4, .noise = 0}, Seed(1));
  ASSERT_EQ(dataset.schema.classes.size(), areas.size());
  const double circle = 0.4 * 64 * 0.4 * 64;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const auto figure = static_cast<size_t>(dataset.targets[i].item<int64_t>());
    EXPECT_NEAR(area(dataset.inputs[i]) / circle, areas[figure], 0.03 * areas[figure] + 0.01)
        << dataset.schema.classes[figure];
  }
}

TEST(Sprites, LieInsideAtAnyPlaceAndSize) {
  const Dataset dataset = sprites({.images_per_class = 100, .noise = 0}, Seed(2));
  const torch::Tensor images = dataset.inputs.squeeze(1);
  // Nothing but paper in the corners: circles inside the image do not reach them.
  const torch::Tensor corners =
      torch::stack({images.select(1, 0).select(1, 0), images.select(1, 27).select(1, 27)});
  EXPECT_TRUE(corners.le(64).all().item<bool>());
  std::vector<double> discs;
  for (int64_t i = 0; i < dataset.size(); i += 10) discs.push_back(area(dataset.inputs[i]));
  const auto [least, most] = std::minmax_element(discs.begin(), discs.end());
  EXPECT_LT(*least, 0.3 * *most);
  // Somewhere near every place there is a figure: all pixels but those near the rim are ink in some image.
  EXPECT_TRUE(images.narrow(1, 4, 20).narrow(2, 4, 20).amax(0).ge(127).all().item<bool>());
}

TEST(Sprites, DependOnSeedAndNumberAlone) {
  const Dataset some = sprites({.images_per_class = 3}, Seed(3)),
                more = sprites({.images_per_class = 5}, Seed(3));
  EXPECT_TRUE(torch::equal(some.inputs, more.inputs.narrow(0, 0, 30)));
  const int threads = core::num_threads();
  core::set_num_threads(1);
  EXPECT_TRUE(torch::equal(more.inputs, sprites({.images_per_class = 5}, Seed(3)).inputs));
  core::set_num_threads(threads);
  EXPECT_FALSE(torch::equal(some.inputs, sprites({.images_per_class = 3}, Seed(4)).inputs));
}

TEST(Sprites, RefuseWhatCannotBeDrawn) {
  EXPECT_THROW(sprites({.size = 4}, Seed(1)), InputError);
  EXPECT_THROW(sprites({.images_per_class = 0}, Seed(1)), InputError);
  EXPECT_THROW(sprites({.least_radius = 0.5, .radius = 0.3}, Seed(1)), InputError);
  EXPECT_THROW(sprites({.radius = 0.6}, Seed(1)), InputError);
}

}  // namespace
}  // namespace lathe::data
