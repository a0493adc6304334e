#pragma once
#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"

// Objects cut out of their surroundings, to be put into others: uint8 [N, 4, size, size], red, green, blue
// and how much the object covers of the pixel. Image i is of class i mod 10 and depends on seed and i alone.
// Each throws InputError for a size below 16 or above 512, and no images.
namespace lathe::data {

struct ObjectOptions {
  int64_t size = 64;
  int64_t num_images = 1000;
};

// Ten letters in the fonts of Debian, with a grain of two random colours (needs FreeType).
Dataset textured_glyphs(const ObjectOptions& options, core::Seed seed);

// Sphere, cube, cylinder, cone, torus, tetrahedron, capsule, prism, octahedron, dumbbell: ray-cast under one
// lamp, each in a random colour, at any angle, of many sizes.
Dataset solids(const ObjectOptions& options, core::Seed seed);

// Objects over backgrounds, uint8 [N, 3, size, size].
torch::Tensor put_before(const torch::Tensor& objects, const torch::Tensor& backgrounds);

}  // namespace lathe::data
