#pragma once
#include <filesystem>

#include "lathe/data/coloured_images.h"

// Shifted images (shifted_images.h) of files: the sets of Ahmed et al., ICLR 2021, §4, for those who have the
// originals, and objects and places of one's own. All throw InputError naming the file or folder.
namespace lathe::data {

// Coloured digits: four IDX files named as MNIST's, the last sixth of the training images (10,000 of MNIST's)
// for validation. As the authors: pixels above ½ take the colour, zero is the anomaly.
ColouredImages coloured_digits(const std::filesystem::path& directory, core::Seed seed);

// Sets that were made elsewhere, as the authors' HDF5 files are (COCO-on-Places, COCO-on-Colours), converted
// to .npy: `NAME.images.npy` of train, validtest, valoodtest, valsgtest, idtest, oodtest, sgtest and anotest,
// uint8 [N, 3, H, W] or floating point in [0, 1]; `NAME.y.npy`, integers [N] from 0, of all but anotest;
// `train.g.npy`, integers [N], 0 for images in their class's own context and 1 for others.
ShiftedImages shifted_arrays(const std::filesystem::path& directory);

struct PlacesOptions {
  int64_t size = 64;        // of the images; paper
  double bias = 0.8;        // share of a class's images in a place of its own; paper
  double validation = 0.1;  // share of the objects; paper: 100 of 1,000
  double test = 0.1;        // likewise
};
// Objects cut out by their masks (white is object) and put before places:
//   objects/CLASS/NAME.jpg, masks/CLASS/NAME.png   equally large
//   own_places/CLASS/*                             of all classes but one, which is the anomaly
//   other_places/training/*, …/validation/*, …/test/*
// PNG and JPEG; shorter sides are resized to `size`, centres cropped.
ShiftedImages objects_on_places(const std::filesystem::path& directory, core::Seed seed,
                                const PlacesOptions& options = {});

}  // namespace lathe::data
