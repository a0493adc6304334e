#pragma once
#include <torch/types.h>

#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"
#include "lathe/data/glyph_font.h"

namespace lathe::data {

// What is drawn for each image: the first five uniformly within ± the number, the last two between 0 and it.
struct Distortion {
  double rotation = 0;  // degrees
  double shear = 0;     // x += shear · y
  double scale = 0;     // relative, of width and height separately
  double shift = 0;     // of the image's side, right and up separately
  double blur = 0;      // standard deviation of a Gaussian, pixels
  double noise = 0;     // standard deviation of a Gaussian in each pixel, of full ink
};

// Letters as they are: uint8 [F, L, size, size], 255 is ink on 0. A font's size is 0.7 of the side, its
// baseline lies 0.3 of it above the lower edge; letters are centred, and those that would not fit are made
// smaller. Throws InputError where a face lacks a letter.
torch::Tensor render_glyphs(const std::vector<FontFace>& faces, const std::vector<char32_t>& letters,
                            int64_t size);

struct GlyphImages {
  int64_t size = 28;  // height and width
  int64_t images_per_letter = 100;
  Distortion distortion = {};
};
// Images of letters, each in one of the faces that have it: uint8 [N, 1, size, size], the class is the
// letter's index, classes are named "U+0041 A". Image i depends on seed and i alone, and with another
// distortion shows the same letter of the same face. Throws InputError for a letter that no face has.
Dataset glyph_images(const std::vector<FontFace>& faces, const std::vector<char32_t>& letters,
                     const GlyphImages& options, core::Seed seed);

}  // namespace lathe::data
