#include "lathe/data/glyphs.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "lathe/core/error.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

struct FontPackage {
  const char *name, *directory, *file;  // one of its files, below the directory
};
constexpr FontPackage kFontPackages[] = {
    {"fonts-dejavu-core", "truetype/dejavu", "DejaVuSans.ttf"},
    {"fonts-dejavu-extra", "truetype/dejavu", "DejaVuSans-Oblique.ttf"},
    {"fonts-freefont-ttf", "truetype/freefont", "FreeSans.ttf"},
    {"fonts-liberation2", "truetype/liberation2", "LiberationSans-Regular.ttf"},
    {"fonts-linuxlibertine", "opentype/linux-libertine", "LinLibertine_R.otf"},
};
constexpr const char* kFontRoot = "/usr/share/fonts";

std::string all_packages() {
  std::vector<std::string> names;
  for (const FontPackage& package : kFontPackages) names.push_back(package.name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::vector<fs::path> font_files(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> files;
  fs::recursive_directory_iterator entries(directory, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    const std::string extension = lower_extension(entries->path());
    if (extension == ".ttf" || extension == ".otf" || extension == ".ttc" || extension == ".pfb")
      files.push_back(entries->path());
  }
  if (error) throw InputError("cannot read the directory {}: {}", directory.string(), error.message());
  std::sort(files.begin(), files.end());
  return files;
}

void add_fonts(const fs::path& directory, Fonts& fonts) {
  for (const fs::path& file : font_files(directory)) {
    try {
      for (FontFace& face : read_faces(file)) fonts.faces.push_back(std::move(face));
    } catch (const InputError& error) {
      fonts.unreadable.push_back(error.what());
    }
  }
}

constexpr int64_t kTestImagesPerLetter = 20;

Source glyph_source(const std::string& directory, const Distortion& test_distortion) {
  const Fonts fonts = directory.empty() ? debian_fonts() : read_fonts(directory);
  const core::Seed seed(0);
  const GlyphTask task = glyph_task(fonts, {}, seed.stream("faces"));
  Source source;
  source.train =
      glyph_images(task.train_faces, task.letters, {.distortion = kGlyphDistortion}, seed.stream("train"));
  source.test = glyph_images(task.unseen_faces, task.letters,
                             {.images_per_letter = kTestImagesPerLetter, .distortion = test_distortion},
                             seed.stream("test"));
  source.unreadable = fonts.unreadable;
  return source;
}

}  // namespace

Fonts read_fonts(const fs::path& directory) {
  Rasterizer();  // throws where there is no FreeType; else that would be the reason why no file can be read
  Fonts fonts;
  add_fonts(directory, fonts);
  if (!fonts.faces.empty()) return fonts;
  if (!fonts.unreadable.empty()) throw InputError("no font can be read: {}", fonts.unreadable.front());
  throw InputError("{} holds no fonts (.ttf, .otf, .ttc, .pfb); Debian's: apt install {}", directory.string(),
                   all_packages());
}

Fonts debian_fonts() {
  Rasterizer();
  const fs::path root = kFontRoot;
  std::vector<std::string> missing;
  for (const FontPackage& package : kFontPackages)
    if (!fs::exists(root / package.directory / package.file)) missing.push_back(package.name);
  if (!missing.empty())
    throw InputError("glyphs need fonts that are not installed: apt install {}", fmt::join(missing, " "));
  Fonts fonts;
  std::string last;
  for (const FontPackage& package : kFontPackages)
    if (std::exchange(last, package.directory) != package.directory)
      add_fonts(root / package.directory, fonts);
  return fonts;
}

GlyphTask glyph_task(const Fonts& fonts, const GlyphTaskOptions& options, core::Seed seed) {
  std::map<char32_t, int64_t> num_faces;
  for (const FontFace& face : fonts.faces)
    for (char32_t letter : face.letters) ++num_faces[letter];
  std::vector<std::pair<int64_t, char32_t>> ranked;
  for (const auto& [letter, count] : num_faces)
    if (count >= options.min_faces) ranked.emplace_back(-count, letter);
  const auto wanted = static_cast<size_t>(options.num_letters);
  if (ranked.size() < wanted)
    throw InputError(
        "{} font faces have {} letters that at least {} of them share, {} are needed: apt install {}",
        fonts.faces.size(), ranked.size(), options.min_faces, options.num_letters, all_packages());
  std::sort(ranked.begin(), ranked.end());

  GlyphTask task;
  for (size_t i = 0; i < wanted; ++i) task.letters.push_back(ranked[i].second);
  std::sort(task.letters.begin(), task.letters.end());

  std::vector<FontFace> faces;
  for (const FontFace& face : fonts.faces) {
    const int64_t count = std::count_if(task.letters.begin(), task.letters.end(),
                                        [&](char32_t letter) { return face.has(letter); });
    if (2 * count >= options.num_letters) faces.push_back(face);
  }
  if (static_cast<int64_t>(faces.size()) <= options.num_train_faces)
    throw InputError("{} font faces have half of {} letters, more than {} are needed: apt install {}",
                     faces.size(), options.num_letters, options.num_train_faces, all_packages());
  seed.random().shuffle(faces);
  const auto middle = faces.begin() + options.num_train_faces;
  task.train_faces.assign(faces.begin(), middle);
  task.unseen_faces.assign(middle, faces.end());
  return task;
}

Source read_glyphs(const std::string& directory, const SourceOptions&) {
  return glyph_source(directory, kGlyphDistortion);
}

Source read_glyph_shift(const std::string& directory, const SourceOptions&) {
  return glyph_source(directory, kGlyphShift);
}

}  // namespace lathe::data
