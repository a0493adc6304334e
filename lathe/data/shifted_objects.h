#pragma once
#include "lathe/data/coloured_images.h"

namespace lathe::data {

// Two more sets of shifted images (shifted_images.h), after Ahmed et al., ICLR 2021, §4: nine classes and one
// of anomalies, objects 64 pixels wide.
struct ShiftedObjectsOptions {
  int64_t train = 6000, validation = 1000, test = 2000;  // the anomaly class, a tenth, included
  int64_t size = 64;
  ShiftedImagesOptions shift;
};

// Letters with a grain on a background of one colour, the colours those of coloured_images (needs FreeType
// and Debian's fonts).
ShiftedImages glyphs_on_colours(const ShiftedObjectsOptions& options, core::Seed seed);

// Solids in scenes: each class has one of nine places, all others are patterns in colours.
ShiftedImages objects_on_scenes(const ShiftedObjectsOptions& options, core::Seed seed);

}  // namespace lathe::data
