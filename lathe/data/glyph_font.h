#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

// Scalable fonts through FreeType. Where the build left FreeType out, all of these throw InputError that says
// so.
namespace lathe::data {

// Letters are those of Unicode's alphabets of separate letters: Latin, Greek, Cyrillic, Armenian, Hebrew,
// Georgian, Runic, Glagolitic, Coptic, Tifinagh, with their extensions.
struct FontFace {
  std::filesystem::path file;
  int64_t index = 0;              // in its file
  std::string name;               // "DejaVu Sans Bold"
  std::vector<char32_t> letters;  // that it maps to glyphs, ascending
  bool has(char32_t letter) const;
};
// The faces of a font file. Throws InputError for a file that is no scalable font with Unicode's code points.
std::vector<FontFace> read_faces(const std::filesystem::path& file);

// The curves of a letter in units of the font's size (em), y upwards, the origin on the baseline.
struct Outline {
  struct Point {
    float x = 0, y = 0;
  };
  std::vector<Point> points;
  std::vector<uint8_t> tags;           // FreeType's: on the curve, or which control point
  std::vector<uint16_t> contour_ends;  // the last point of each contour
  bool blank() const { return points.empty(); }
};
// One a letter, blank where the face lacks it or shows nothing. Throws InputError for a damaged font.
std::vector<Outline> read_outlines(const FontFace& face, const std::vector<char32_t>& letters);

// x' = xx x + xy y + dx, y' = yx x + yy y + dy
struct Affine {
  double xx = 1, xy = 0, yx = 0, yy = 1, dx = 0, dy = 0;
};

// Fills outlines with anti-aliasing. Each thread has its own.
class Rasterizer {
 public:
  Rasterizer();
  ~Rasterizer();
  // Adds the outline, mapped to pixels (the origin is the lower left corner), to a black image of size ×
  // size, rows from the top; 255 is ink.
  void draw(const Outline& outline, const Affine& to_pixels, int64_t size, uint8_t* image);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace lathe::data
