#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/data/glyph_image.h"

// Letters as a classification task with many classes that look alike: Latin A, Greek Alpha and Cyrillic A are
// three of them. After the font data of Debian; images are made, never stored.
namespace lathe::data {

struct Fonts {
  std::vector<FontFace> faces;          // by file and index
  std::vector<std::string> unreadable;  // files that were left out, with the reason
};
// The .ttf, .otf, .ttc and .pfb files below a directory. Throws InputError where there is none that can be
// read.
Fonts read_fonts(const std::filesystem::path& directory);
// Those of five Debian packages and of no other, so that results do not depend on what else is installed.
// Throws InputError that names the packages to install.
Fonts debian_fonts();

struct GlyphTaskOptions {
  int64_t num_letters = 1000;  // those that most faces have, by code point among equals …
  int64_t min_faces = 20;      // … and at least this many
  int64_t num_train_faces = 18;
};
// Letters, and the faces with at least half of them, of which some train a model and the others never do. The
// choice of faces is drawn from `seed`. Throws InputError where the fonts are too few.
struct GlyphTask {
  std::vector<char32_t> letters;  // ascending
  std::vector<FontFace> train_faces, unseen_faces;
};
GlyphTask glyph_task(const Fonts& fonts, const GlyphTaskOptions& options, core::Seed seed);

// The distortions of glyph-1000, and the stronger ones of glyph-shift.
inline constexpr Distortion kGlyphDistortion = {
    .rotation = 8, .shear = 0.15, .scale = 0.12, .shift = 0.06, .blur = 0.8, .noise = 0.12};
inline constexpr Distortion kGlyphShift = {
    .rotation = 14, .shear = 0.25, .scale = 0.2, .shift = 0.1, .blur = 1.1, .noise = 0.2};

}  // namespace lathe::data
