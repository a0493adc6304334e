#pragma once
#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

// Flat figures at any place, size and angle: disc, ring, half disc, triangle, square, bar, star, cross, arrow
// and corner. A data set of images that need no files and look like no others.
struct SpriteOptions {
  int64_t size = 28;  // height and width
  int64_t images_per_class = 100;
  double least_radius = 0.2, radius = 0.42;  // of the circle around the figure, as a share of the side
  double noise = 0.05;                       // standard deviation of a Gaussian in each pixel, of full white
};

// uint8 [N, 1, size, size], drawn with 16 samples a pixel in a grey of 0.5 to 1 on one of 0 to 0.25; the
// circle around a figure lies inside the image. Image i is of class i mod 10 and depends on seed and i alone.
// Throws InputError for a size below 8 or above 1024, no images, and radii that are not 0 < least ≤ radius ≤
// ½.
Dataset sprites(const SpriteOptions& options, core::Seed seed);

}  // namespace lathe::data
