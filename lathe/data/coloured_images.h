#pragma once
#include <array>
#include <vector>

#include "lathe/data/shifted_images.h"

namespace lathe::data {

using Colour = std::array<uint8_t, 3>;

struct ColouredImagesOptions {
  ShiftedImagesOptions shift;
  int64_t threshold = 64;        // pixels above become the colour, others black; paper: ½ of digits' range
  double least_distance = 2500;  // squared, in RGB, between colours of different sets; paper
};

// The sets of colours, no two colours of different sets closer than least_distance.
struct ColourSets {
  std::vector<Colour> own;         // one for each class
  std::vector<Colour> others;      // of the training images that are not in their class's own colour
  std::vector<Colour> test;        // of xn_test
  std::vector<Colour> validation;  // of xn_validation
  Colour of_context(int64_t context) const;
};
// Throws InputError for more than nine classes, and where the colours do not fit.
ColourSets draw_colour_sets(int64_t num_classes, const ColouredImagesOptions& options, core::Seed seed);

// Silhouettes whose context is their colour: the paper's coloured digits; on Fashion-MNIST, coloured-fashion.
struct ColouredImages : ShiftedImages {
  ColourSets colours;
};

// From grey images, uint8 [N, 1, H, W], of at most ten classes. Each set draws from a stream of its own.
// Throws InputError for other images, for a class that is not there, and where the colours do not fit.
ColouredImages coloured_images(const Dataset& train, const Dataset& validation, const Dataset& test,
                               core::Seed seed, const ColouredImagesOptions& options = {});

}  // namespace lathe::data
