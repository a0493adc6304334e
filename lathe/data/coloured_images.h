#pragma once
#include <array>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

using Colour = std::array<uint8_t, 3>;

struct ColouredImagesOptions {
  double bias = 0.8;             // share of a class's images in its own colour; paper
  int64_t threshold = 64;        // pixels above become the colour, others black; paper: ½ of digits' range
  int64_t anomaly_class = 0;     // left out of training; paper
  int64_t colours_per_set = 10;  // paper
  double least_distance = 2500;  // squared, in RGB, between colours of different sets; paper
};

// The sets of colours, no two colours of different sets closer than least_distance.
struct ColourSets {
  std::vector<Colour> own;         // one for each class
  std::vector<Colour> others;      // of the training images that are not in their class's own colour
  std::vector<Colour> test;        // of xn_test
  std::vector<Colour> validation;  // of xn_validation
};

// Silhouettes in colours that give the class away in most training images, as in Ahmed et al., ICLR 2021,
// §4 (coloured digits); on Fashion-MNIST: coloured-fashion. Images are uint8 [N, 3, H, W], classes those of
// the grey images without the anomaly class.
//   id   as in training: own colour with probability `bias`, else one of `others`
//   xn   colours that training never shows        (a shift that is not systematic)
//   sg   the own colour of another class          (a systematic shift)
struct ColouredImages {
  ColourSets colours;
  Dataset train;
  torch::Tensor train_minority;  // uint8 [N]: 1 where the image is not in its class's own colour
  Dataset id_validation, xn_validation, sg_validation;
  Dataset id_test, xn_test, sg_test;
  torch::Tensor anomalies;  // uint8 [M, 3, H, W]: test images of the anomaly class in any class's own colour
};

// From grey images, uint8 [N, 1, H, W], of at most ten classes. Each set draws from a stream of its own.
// Throws InputError for other images, for a class that is not there, and where the colours do not fit.
ColouredImages coloured_images(const Dataset& train, const Dataset& validation, const Dataset& test,
                               core::Seed seed, const ColouredImagesOptions& options = {});

}  // namespace lathe::data
