#pragma once
#include <filesystem>
#include <string>

#include "lathe/core/interrupt.h"
#include "lathe/core/seed.h"
#include "lathe/evaluate/conformal/conformal.h"

// The logits that the study `conformal` splits. None of these examples trained its model.
namespace lathe::studies::conformal {

struct Pool {
  std::string name;
  evaluate::conformal::Examples examples;
};

Pool fashion_pool(core::Seed seed, const core::StopToken& stop);  // Fashion-MNIST's test images

// One network, trained on 1,000 letters in 18 font faces. Both pools show the same letters in the same unseen
// faces; `shifted` distorts them more than the training images.
struct GlyphPools {
  Pool usual, shifted;
};
GlyphPools glyph_pools(core::Seed seed, const core::StopToken& stop);

// DIRECTORY/NAME.npy, the logits [N, K], and DIRECTORY/LABELS.npy.
Pool stored_pool(const std::string& name, const std::filesystem::path& logits,
                 const std::filesystem::path& labels);

}  // namespace lathe::studies::conformal
