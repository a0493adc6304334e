#include "lathe/data/glyph_font.h"

#include <clocale>
#include <cwctype>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "lathe/core/error.h"

#ifdef LATHE_FREETYPE
#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H
#endif

namespace lathe::data {

bool FontFace::has(char32_t letter) const {
  return std::binary_search(letters.begin(), letters.end(), letter);
}

#ifdef LATHE_FREETYPE
namespace {

namespace fs = std::filesystem;

// Blocks with alphabets; the holes in them (×, ÷, marks, signs) are left to the C library.
constexpr std::pair<char32_t, char32_t> kAlphabets[] = {{0x41, 0x2af},    {0x370, 0x556},   {0x561, 0x587},
                                                        {0x5d0, 0x5f2},   {0x10a0, 0x10ff}, {0x16a0, 0x16f0},
                                                        {0x1c90, 0x1cbf}, {0x1e00, 0x1fff}, {0x2c00, 0x2d67},
                                                        {0xa640, 0xa69b}, {0xa722, 0xa7ff}};

bool is_letter(char32_t code) {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (!utf8) throw Error("the C library lacks the locale C.UTF-8, which says what is a letter");
  return std::any_of(std::begin(kAlphabets), std::end(kAlphabets),
                     [&](const auto& block) { return code >= block.first && code <= block.second; }) &&
         iswalpha_l(static_cast<wint_t>(code), utf8);
}

std::string reason(FT_Error error) {
  const char* text = FT_Error_String(error);
  return text ? text : fmt::format("FreeType's error {:#04x}", error);
}

struct Close {
  void operator()(FT_Library library) const { FT_Done_FreeType(library); }
  void operator()(FT_Face face) const { FT_Done_Face(face); }
};
using Library = std::unique_ptr<std::remove_pointer_t<FT_Library>, Close>;
using Face = std::unique_ptr<std::remove_pointer_t<FT_Face>, Close>;

Library open_library() {
  FT_Library library = nullptr;
  if (FT_Error error = FT_Init_FreeType(&library)) throw Error("FreeType does not start: {}", reason(error));
  return Library(library);
}

Face open_face(const Library& library, const fs::path& file, int64_t index) {
  FT_Face face = nullptr;
  if (FT_Error error = FT_New_Face(library.get(), file.c_str(), static_cast<FT_Long>(index), &face))
    throw InputError("{} is no font that FreeType can read: {}", file.string(), reason(error));
  Face owner(face);
  if (!FT_IS_SCALABLE(face) || face->units_per_EM == 0 || FT_Select_Charmap(face, FT_ENCODING_UNICODE) != 0)
    throw InputError("{} is no scalable font with Unicode's code points", file.string());
  return owner;
}

std::string name_of(FT_Face face, const fs::path& file) {
  const std::string family = face->family_name ? face->family_name : file.stem().string();
  return face->style_name ? family + " " + face->style_name : family;
}

std::vector<char32_t> letters_of(FT_Face face) {
  std::vector<char32_t> letters;
  FT_UInt glyph = 0;
  for (FT_ULong code = FT_Get_First_Char(face, &glyph); glyph != 0;
       code = FT_Get_Next_Char(face, code, &glyph))
    if (is_letter(static_cast<char32_t>(code))) letters.push_back(static_cast<char32_t>(code));
  return letters;
}

Outline to_outline(const FT_Outline& from, double em) {
  Outline outline;
  for (int i = 0; i < static_cast<int>(from.n_points); ++i) {
    outline.points.push_back(
        {static_cast<float>(from.points[i].x / em), static_cast<float>(from.points[i].y / em)});
    outline.tags.push_back(static_cast<uint8_t>(from.tags[i]));
  }
  for (int i = 0; i < static_cast<int>(from.n_contours); ++i)
    outline.contour_ends.push_back(static_cast<uint16_t>(from.contours[i]));
  return outline;
}

}  // namespace

std::vector<FontFace> read_faces(const fs::path& file) {
  const Library library = open_library();
  std::vector<FontFace> faces;
  int64_t num_faces = 1;
  for (int64_t index = 0; index < num_faces; ++index) {
    const Face face = open_face(library, file, index);
    num_faces = face->num_faces;
    faces.push_back({file, index, name_of(face.get(), file), letters_of(face.get())});
  }
  return faces;
}

std::vector<Outline> read_outlines(const FontFace& font, const std::vector<char32_t>& letters) {
  const Library library = open_library();
  const Face face = open_face(library, font.file, font.index);
  std::vector<Outline> outlines;
  for (char32_t letter : letters) {
    Outline& outline = outlines.emplace_back();
    const FT_UInt glyph = FT_Get_Char_Index(face.get(), letter);
    if (glyph == 0) continue;
    if (FT_Error error = FT_Load_Glyph(face.get(), glyph, FT_LOAD_NO_SCALE))
      throw InputError("{}: the glyph of U+{:04X} is damaged: {}", font.file.string(),
                       static_cast<uint32_t>(letter), reason(error));
    if (face->glyph->format == FT_GLYPH_FORMAT_OUTLINE)
      outline = to_outline(face->glyph->outline, face->units_per_EM);
  }
  return outlines;
}

struct Rasterizer::Scratch {
  Library library = open_library();
  std::vector<FT_Vector> points;
};

Rasterizer::Rasterizer() : scratch_(std::make_unique<Scratch>()) {}
Rasterizer::~Rasterizer() = default;

void Rasterizer::draw(const Outline& outline, const Affine& to, int64_t size, uint8_t* image) {
  constexpr double kUnits = 64;  // FreeType counts in 1/64 pixel
  scratch_->points.clear();
  for (const Outline::Point& p : outline.points)
    scratch_->points.push_back({std::lround(kUnits * (to.xx * p.x + to.xy * p.y + to.dx)),
                                std::lround(kUnits * (to.yx * p.x + to.yy * p.y + to.dy))});
  FT_Outline shape = {};
  using Count = decltype(shape.n_points);  // and the pointers: signed before FreeType 2.13.3
  shape.n_points = static_cast<Count>(outline.points.size());
  shape.n_contours = static_cast<Count>(outline.contour_ends.size());
  shape.points = scratch_->points.data();
  shape.tags = reinterpret_cast<decltype(shape.tags)>(const_cast<uint8_t*>(outline.tags.data()));
  shape.contours =
      reinterpret_cast<decltype(shape.contours)>(const_cast<uint16_t*>(outline.contour_ends.data()));

  FT_Bitmap bitmap = {};
  bitmap.rows = bitmap.width = static_cast<unsigned>(size);
  bitmap.pitch = static_cast<int>(size);
  bitmap.buffer = image;
  bitmap.num_grays = 256;
  bitmap.pixel_mode = FT_PIXEL_MODE_GRAY;
  if (FT_Error error = FT_Outline_Get_Bitmap(scratch_->library.get(), &shape, &bitmap))
    throw InputError("a letter cannot be drawn: {}", reason(error));
}

#else
namespace {

[[noreturn]] void fail_without_freetype() {
  throw InputError(
      "this lathe was built without FreeType, which draws letters: apt install libfreetype-dev, and build "
      "again");
}

}  // namespace

struct Rasterizer::Scratch {};
Rasterizer::Rasterizer() {
  fail_without_freetype();
}
Rasterizer::~Rasterizer() = default;
void Rasterizer::draw(const Outline&, const Affine&, int64_t, uint8_t*) {
  fail_without_freetype();
}
std::vector<FontFace> read_faces(const std::filesystem::path&) {
  fail_without_freetype();
}
std::vector<Outline> read_outlines(const FontFace&, const std::vector<char32_t>&) {
  fail_without_freetype();
}
#endif

}  // namespace lathe::data
