#include "lathe/data/objects.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/data/glyphs.h"

namespace lathe::data {
namespace {

const std::vector<char32_t> kLetters = {U'A', U'B', U'E', U'G', U'H', U'K', U'M', U'R', U'S', U'T'};

// A grain of two colours: stripes of any width and direction, with noise.
void grain(int64_t size, core::Random& random, uint8_t* rgb) {
  double first[3], second[3];
  for (double* colour : {first, second})
    for (int c = 0; c < 3; ++c) colour[c] = random.uniform(0, 255);
  const double angle = random.uniform(0, 3.14159265358979323846), width = random.uniform(3, 9);
  const double dx = std::cos(angle) / width, dy = std::sin(angle) / width;
  for (int64_t row = 0; row < size; ++row)
    for (int64_t column = 0; column < size; ++column) {
      const double wave = std::sin(2 * 3.14159265358979323846 *
                                   (dx * static_cast<double>(column) + dy * static_cast<double>(row)));
      const double share = std::clamp(0.5 + 0.4 * wave + 0.15 * random.normal(), 0.0, 1.0);
      for (int64_t c = 0; c < 3; ++c)
        rgb[(c * size + row) * size + column] =
            static_cast<uint8_t>(std::lround(first[c] + share * (second[c] - first[c])));
    }
}

}  // namespace

Dataset textured_glyphs(const ObjectOptions& o, core::Seed seed) {
  if (o.size < 16 || o.size > 512)
    throw InputError("images of letters must have a side of 16 to 512 pixels, got {}", o.size);
  if (o.num_images < 1) throw InputError("num_images must be positive, got {}", o.num_images);
  std::vector<FontFace> faces = debian_fonts().faces;
  faces.erase(std::remove_if(faces.begin(), faces.end(),
                             [](const FontFace& face) {
                               return !std::all_of(kLetters.begin(), kLetters.end(),
                                                   [&](char32_t letter) { return face.has(letter); });
                             }),
              faces.end());
  const auto num_letters = static_cast<int64_t>(kLetters.size());
  Dataset dataset = glyph_images(faces, kLetters,
                                 {.size = o.size,
                                  .images_per_letter = (o.num_images + num_letters - 1) / num_letters,
                                  .distortion = {.rotation = 12, .shear = 0.15, .scale = 0.2, .shift = 0.1}},
                                 seed.stream("letters"));
  dataset = dataset.select(torch::arange(o.num_images, torch::kInt64));
  torch::Tensor colours = torch::empty({o.num_images, 3, o.size, o.size}, torch::kUInt8);
  uint8_t* images = colours.data_ptr<uint8_t>();
  core::parallel_for(o.num_images, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      core::Random random = seed.stream("grain").stream(static_cast<uint64_t>(i)).random();
      grain(o.size, random, images + i * 3 * o.size * o.size);
    }
  });
  dataset.inputs = torch::cat({colours, dataset.inputs}, 1);
  dataset.schema.shape = {4, o.size, o.size};
  return dataset;
}

torch::Tensor put_before(const torch::Tensor& objects, const torch::Tensor& backgrounds) {
  if (objects.dim() != 4 || objects.size(1) != 4 || objects.scalar_type() != torch::kUInt8 ||
      backgrounds.scalar_type() != torch::kUInt8 || backgrounds.dim() != 4 || backgrounds.size(1) != 3 ||
      backgrounds.size(0) != objects.size(0))
    throw InputError("objects must be uint8 [N, 4, H, W] and backgrounds uint8 [N, 3, H, W]");
  std::vector<torch::Tensor> parts;  // a few at a time: floats take four times the memory
  for (int64_t begin = 0; begin < objects.size(0); begin += 500) {
    const torch::Tensor some = objects.slice(0, begin, begin + 500).to(torch::kFloat32),
                        behind = backgrounds.slice(0, begin, begin + 500).to(torch::kFloat32);
    const torch::Tensor cover = some.narrow(1, 3, 1) / 255;
    parts.push_back((behind + cover * (some.narrow(1, 0, 3) - behind)).round().to(torch::kUInt8));
  }
  return parts.empty() ? backgrounds : torch::cat(parts);
}

}  // namespace lathe::data
