#include <map>

#include "lathe/data/batches.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

torch::Tensor first_rows(int64_t count) {
  return torch::arange(count);
}
torch::Tensor repeated(int64_t count) {
  return torch::zeros({count}, torch::kInt64);
}

TEST(Augment, NoOptionIsAPlainGather) {
  torch::Tensor images = random_image(20, 5, 7, 1).unsqueeze(1),
                rows = torch::tensor({3, 19, 3}, torch::kInt64);
  EXPECT_TRUE(gather_augmented(images, rows, {}, core::Seed(1)).equal(images.index_select(0, rows)));
}

TEST(Augment, FlipIsAMirrorHalfOfTheTime) {
  torch::Tensor image = random_image(3, 5, 7, 1).unsqueeze(0);
  torch::Tensor flipped = gather_augmented(image, repeated(2000), {.flip = true}, core::Seed(1));
  int64_t mirrored = 0;
  for (int64_t i = 0; i < 2000; ++i) {
    bool mirror = flipped[i].equal(image[0].flip(2));
    EXPECT_TRUE(mirror || flipped[i].equal(image[0]));
    mirrored += mirror;
  }
  EXPECT_NEAR(static_cast<double>(mirrored), 1000, 5 * std::sqrt(500));
}

TEST(Augment, FlippingTwiceWithOneSeedIsTheIdentity) {
  torch::Tensor images = random_image(50, 6, 9, 2).unsqueeze(1);
  torch::Tensor once = gather_augmented(images, first_rows(50), {.flip = true}, core::Seed(3));
  EXPECT_FALSE(once.equal(images));
  EXPECT_TRUE(gather_augmented(once, first_rows(50), {.flip = true}, core::Seed(3)).equal(images));
}

TEST(Augment, CropIsAWindowOfThePaddedImageAndUniform) {
  constexpr int64_t kCrop = 2, kDraws = 5000;
  torch::Tensor image = random_image(2, 6, 8, 3).unsqueeze(0);
  torch::Tensor padded = torch::full({2, 6 + 2 * kCrop, 8 + 2 * kCrop}, 77, torch::kUInt8);
  padded.slice(1, kCrop, kCrop + 6).slice(2, kCrop, kCrop + 8).copy_(image[0]);
  torch::Tensor cropped =
      gather_augmented(image, repeated(kDraws), {.crop = kCrop, .fill = 77}, core::Seed(4));
  std::map<std::pair<int64_t, int64_t>, int64_t> seen;
  for (int64_t i = 0; i < kDraws; ++i)
    for (int64_t y = 0; y <= 2 * kCrop; ++y)
      for (int64_t x = 0; x <= 2 * kCrop; ++x)
        if (cropped[i].equal(padded.slice(1, y, y + 6).slice(2, x, x + 8))) ++seen[{y, x}];
  int64_t total = 0;
  for (const auto& [offset, count] : seen) {
    EXPECT_NEAR(static_cast<double>(count), 200, 5 * std::sqrt(200));
    total += count;
  }
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_EQ(total, kDraws);
}

TEST(Augment, FlipComesBeforeCrop) {
  torch::Tensor images = random_image(40, 6, 8, 3).unsqueeze(1);
  AugmentOptions both = {.flip = true, .crop = 2};
  torch::Tensor result = gather_augmented(images, first_rows(40), both, core::Seed(4));
  for (int64_t i = 0; i < 40; ++i) {
    bool found = false;
    for (const torch::Tensor& source : {images[i], images[i].flip(2)}) {
      torch::Tensor padded = torch::zeros({1, 10, 12}, torch::kUInt8);
      padded.slice(1, 2, 8).slice(2, 2, 10).copy_(source);
      for (int64_t y = 0; y <= 4; ++y)
        for (int64_t x = 0; x <= 4; ++x)
          found |= result[i].equal(padded.slice(1, y, y + 6).slice(2, x, x + 8));
    }
    EXPECT_TRUE(found);
  }
}

TEST(Augment, CutoutIsASquareClippedAtTheBorder) {
  torch::Tensor image = torch::full({1, 2, 12, 10}, 9, torch::kUInt8);
  for (int64_t side : {1, 4, 5}) {
    torch::Tensor cut = gather_augmented(image, repeated(3000), {.cutout = side, .fill = 200}, core::Seed(5));
    torch::Tensor hole = cut.eq(200);
    EXPECT_TRUE((hole | cut.eq(9)).all().item<bool>());
    EXPECT_TRUE(hole.select(1, 0).equal(hole.select(1, 1)));
    torch::Tensor heights = hole.select(1, 0).any(2).sum(1), widths = hole.select(1, 0).any(1).sum(1);
    EXPECT_TRUE(hole.select(1, 0).sum({1, 2}).equal(heights * widths));
    EXPECT_EQ(heights.max().item<int64_t>(), side);
    EXPECT_EQ(widths.max().item<int64_t>(), side);
    EXPECT_EQ(heights.min().item<int64_t>(), (side + 1) / 2);
    // Its centre is uniform: a pixel far from the border is covered with probability side² / area.
    EXPECT_NEAR(hole.select(1, 0).select(1, 6).select(1, 5).sum().item<double>(),
                3000.0 * static_cast<double>(side * side) / 120,
                5 * std::sqrt(3000.0 * static_cast<double>(side * side) / 120));
  }
}

TEST(Augment, RotationLeavesADiscAlone) {
  torch::Tensor axis = torch::arange(41).to(torch::kFloat32) - 20;
  torch::Tensor radius = (axis.square().unsqueeze(0) + axis.square().unsqueeze(1)).sqrt();
  torch::Tensor disc = (radius * -15 + 255).clamp(0, 255).to(torch::kUInt8).reshape({1, 1, 41, 41});
  torch::Tensor rotated = gather_augmented(disc, repeated(20), {.rotation = 180}, core::Seed(6));
  // A cone of 15 a pixel: what bilinear interpolation flattens at its tip, and rounding.
  EXPECT_LE((rotated.to(torch::kInt32) - disc.to(torch::kInt32)).abs().max().item<int64_t>(), 11);
  EXPECT_LE((rotated.to(torch::kFloat32) - disc.to(torch::kFloat32)).abs().mean().item<double>(), 0.8);
}

TEST(Augment, RotationTurnsWithinItsRange) {
  // A bright pixel on the axis, 15 from the centre, moves by 15 · sin(angle).
  torch::Tensor image = torch::zeros({1, 1, 41, 41}, torch::kUInt8);
  image[0][0][20].slice(0, 35, 36).fill_(255);
  torch::Tensor rotated =
      gather_augmented(image, repeated(500), {.rotation = 30}, core::Seed(7)).to(torch::kFloat64);
  torch::Tensor row = torch::arange(41).to(torch::kFloat64) - 20;
  torch::Tensor mass = rotated.sum({1, 2, 3});
  torch::Tensor y = (rotated.sum({1, 3}) * row).sum(1) / mass, x = (rotated.sum({1, 2}) * row).sum(1) / mass;
  torch::Tensor angle = torch::atan2(y, x) * (180 / 3.14159265358979323846);
  EXPECT_NEAR(angle.max().item<double>(), 30, 2.5);
  EXPECT_NEAR(angle.min().item<double>(), -30, 2.5);
  EXPECT_NEAR(angle.mean().item<double>(), 0, 5 * 30 / std::sqrt(3 * 500.0));
  EXPECT_NEAR((x.square() + y.square()).sqrt().mean().item<double>(), 15, 0.3);
}

TEST(Augment, TinyRotationIsTheCropWithoutIt) {
  torch::Tensor images = random_image(30, 8, 8, 8).unsqueeze(1);
  AugmentOptions shifted = {.flip = true, .crop = 2, .fill = 50}, turned = shifted;
  turned.rotation = 1e-6;
  EXPECT_TRUE(gather_augmented(images, first_rows(30), shifted, core::Seed(9))
                  .equal(gather_augmented(images, first_rows(30), turned, core::Seed(9))));
}

TEST(Augment, BitsDependOnSeedAndPlaceAlone) {
  torch::Tensor images = random_image(60, 8, 8, 8).unsqueeze(1);
  AugmentOptions options = {.flip = true, .crop = 2, .rotation = 15, .cutout = 3};
  torch::Tensor all = gather_augmented(images, first_rows(60), options, core::Seed(10));
  EXPECT_TRUE(all.equal(gather_augmented(images, first_rows(60), options, core::Seed(10))));
  EXPECT_FALSE(all.equal(gather_augmented(images, first_rows(60), options, core::Seed(11))));
  // Image i is drawn from stream i: neither the batch's size nor the other images matter.
  EXPECT_TRUE(all.slice(0, 0, 10).equal(gather_augmented(images, first_rows(10), options, core::Seed(10))));
  torch::Tensor rows = torch::cat({torch::arange(30, 60), torch::arange(30, 60)});
  EXPECT_TRUE(all.slice(0, 30).equal(gather_augmented(images, rows, options, core::Seed(10)).slice(0, 30)));
}

TEST(Augment, Mistakes) {
  torch::Tensor images = random_image(2, 8, 8, 8).unsqueeze(1);
  auto augment = [&](AugmentOptions options) {
    gather_augmented(images, first_rows(2), options, core::Seed(1));
  };
  EXPECT_INPUT_ERROR(augment({.crop = 8}),
                     "crop must be at least 0 and smaller than the images of 8×8, got 8");
  EXPECT_INPUT_ERROR(augment({.rotation = 181}), "rotation must be between 0 and 180 degrees, got 181");
  EXPECT_INPUT_ERROR(augment({.cutout = -1}), "cutout must be at least 0, got -1");
  EXPECT_INPUT_ERROR(augment({.flip = true, .fill = 256}), "fill must be between 0 and 255, got 256");
  EXPECT_THROW(gather_augmented(images, first_rows(3), {.flip = true}, core::Seed(1)), Error);
}

}  // namespace
}  // namespace lathe::data
