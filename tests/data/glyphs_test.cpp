#include "lathe/data/glyphs.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "lathe/core/parallel.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;
using core::Seed;

constexpr char32_t kLatinA = U'A', kGreekAlpha = U'Α', kCyrillicA = U'А', kDotlessI = U'ı', kGrave = U'À';

class Glyphs : public ::testing::Test {
 protected:
  // Read once: 60 files.
  static void SetUpTestSuite() {
    try {
      fonts_ = new Fonts(debian_fonts());
    } catch (const InputError& error) {
      reason_ = error.what();
    }
  }
  static void TearDownTestSuite() { delete std::exchange(fonts_, nullptr); }
  void SetUp() override {
    if (!fonts_) GTEST_SKIP() << reason_;
  }
  static const FontFace& face(const std::string& name) {
    for (const FontFace& face : fonts_->faces)
      if (face.name == name) return face;
    throw Error("no face {}", name);
  }
  static GlyphTask task() { return glyph_task(*fonts_, {}, Seed(0)); }

  inline static const Fonts* fonts_ = nullptr;
  inline static std::string reason_;
};

torch::Tensor ink(const torch::Tensor& images) {
  return images.to(torch::kFloat64).flatten(-2).sum(-1) / 255;
}

bool same_bits(const Dataset& a, const Dataset& b) {
  return torch::equal(a.inputs, b.inputs) && torch::equal(a.targets, b.targets);
}

TEST_F(Glyphs, KnowsTheLettersOfAFace) {
  const FontFace& sans = face("DejaVu Sans Book");
  for (char32_t letter : {U'A', U'z', U'é', U'ß', U'Ω', U'ё', U'Ա', U'א', U'ა'})
    EXPECT_TRUE(sans.has(letter));
  for (char32_t other : {U'0', U' ', U'×', U'÷', U'€', U'\u0301', U'中', U'\u0385'})
    EXPECT_FALSE(sans.has(other));
  EXPECT_FALSE(face("Liberation Mono Regular").has(U'Ա'));
}

TEST_F(Glyphs, ReadsAllFacesOfThePackages) {
  EXPECT_GE(fonts_->faces.size(), 55u);
  EXPECT_TRUE(fonts_->unreadable.empty());
}

// DejaVu Sans draws the three capitals with one glyph; another letter looks otherwise.
TEST_F(Glyphs, LettersThatLookAlikeAreTheSamePicture) {
  const torch::Tensor images =
      render_glyphs({face("DejaVu Sans Book")}, {kLatinA, kGreekAlpha, kCyrillicA, U'B'}, 28);
  EXPECT_EQ(images.sizes(), torch::IntArrayRef({1, 4, 28, 28}));
  EXPECT_TRUE(torch::equal(images[0][0], images[0][1]));
  EXPECT_TRUE(torch::equal(images[0][0], images[0][2]));
  EXPECT_FALSE(torch::equal(images[0][0], images[0][3]));
}

// A sans-serif I is a bar on the baseline: 0.729 em high, one rectangle.
TEST_F(Glyphs, DrawsABarWhereItsOutlineIs) {
  constexpr int64_t kSize = 200;
  const torch::Tensor image = render_glyphs({face("DejaVu Sans Book")}, {U'I'}, kSize)[0][0];
  const torch::Tensor inked = image.gt(127);
  const torch::Tensor rows = inked.any(1).nonzero().flatten(), columns = inked.any(0).nonzero().flatten();
  EXPECT_NEAR(static_cast<double>(rows.size(0)), 0.729 * 0.7 * kSize, 1.5);
  EXPECT_EQ(rows[-1].item<int64_t>(), 139);  // baseline at 0.3 of the side
  EXPECT_NEAR(columns.to(torch::kFloat64).mean().item<double>(), (kSize - 1) / 2.0, 1);
  EXPECT_EQ(inked.sum().item<int64_t>(), rows.size(0) * columns.size(0));
}

// Quadratic and cubic Bézier curves over a unit base enclose 2/3 of the control triangle and 3/5 of the
// control square.
TEST_F(Glyphs, FillsCurves) {
  constexpr uint8_t kQuadratic = 0, kOn = 1, kCubic = 2;
  const Outline parabola = {{{0, 0}, {0.5, 1}, {1, 0}}, {kOn, kQuadratic, kOn}, {2}};
  const Outline cubic = {{{0, 0}, {0, 1}, {1, 1}, {1, 0}}, {kOn, kCubic, kCubic, kOn}, {3}};
  const auto area = [](const Outline& outline) {
    torch::Tensor image = torch::zeros({100, 100}, torch::kUInt8);
    Rasterizer().draw(outline, {80, 0, 0, 80, 10, 10}, 100, image.data_ptr<uint8_t>());
    return ink(image).item<double>() / (80 * 80);
  };
  EXPECT_NEAR(area(parabola), 2.0 / 3 / 2, 0.002);
  EXPECT_NEAR(area(cubic), 3.0 / 5, 0.002);
  for (const auto& [name, tag] :
       {std::pair{"DejaVu Sans Book", kQuadratic}, {"Linux Libertine O Regular", kCubic}}) {
    const Outline outline = read_outlines(face(name), {U'O'}).front();
    EXPECT_EQ(outline.contour_ends.size(), 2u);
    std::vector<int64_t> counts(4);
    for (uint8_t t : outline.tags) ++counts[t & 3];
    EXPECT_GE(counts[tag], 8) << name;
    EXPECT_GE(counts[kOn], 4) << name;
  }
}

TEST_F(Glyphs, ScalesWithTheSide) {
  const std::vector<FontFace> faces = {face("FreeSerif Regular")};
  const double small = ink(render_glyphs(faces, {U'g'}, 64)).item<double>();
  const double large = ink(render_glyphs(faces, {U'g'}, 256)).item<double>();
  EXPECT_NEAR(large / small, 16, 0.2);
}

TEST_F(Glyphs, BoldHasMoreInkAndAccentsLieAbove) {
  const torch::Tensor images =
      render_glyphs({face("Liberation Sans Regular"), face("Liberation Sans Bold")}, {kLatinA, kGrave}, 64);
  EXPECT_GT(ink(images[1][0]).item<double>(), 1.2 * ink(images[0][0]).item<double>());
  const auto top = [](const torch::Tensor& image) {
    return image.gt(127).any(1).nonzero().min().item<int64_t>();
  };
  EXPECT_LT(top(images[0][1]), top(images[0][0]) - 3);
}

// No image is cut off at its border.
void expect_within_frame(const torch::Tensor& images) {
  for (int64_t axis : {2, 3})
    for (int64_t line : {int64_t{0}, images.size(axis) - 1})
      EXPECT_EQ(images.select(axis, line).max().item<int64_t>(), 0) << axis << " " << line;
}

TEST_F(Glyphs, EveryLetterOfTheTaskHasInkInEveryFaceThatHasIt) {
  const GlyphTask task = this->task();
  for (const FontFace& face : {task.train_faces.front(), task.unseen_faces.front()}) {
    std::vector<char32_t> letters;
    for (char32_t letter : task.letters)
      if (face.has(letter)) letters.push_back(letter);
    const torch::Tensor images = render_glyphs({face}, letters, 28);
    EXPECT_GT(ink(images).min().item<double>(), 5) << face.name;
    expect_within_frame(images);
  }
}

// One is 1.5 em wide, the other stands two accents high.
TEST_F(Glyphs, LettersThatAreTooLargeAreMadeSmaller) {
  expect_within_frame(render_glyphs({face("DejaVu Sans Bold")}, {U'Ǆ', U'Ǻ'}, 28));
}

TEST_F(Glyphs, TaskHasThousandLettersAndDisjointFaces) {
  const GlyphTask task = this->task();
  EXPECT_EQ(std::set<char32_t>(task.letters.begin(), task.letters.end()).size(), 1000u);
  for (char32_t letter : {kLatinA, kGreekAlpha, kCyrillicA, kDotlessI})
    EXPECT_TRUE(std::binary_search(task.letters.begin(), task.letters.end(), letter));
  EXPECT_EQ(task.train_faces.size(), 18u);
  EXPECT_GE(task.unseen_faces.size(), 20u);
  std::set<std::string> train, unseen;
  for (const FontFace& face : task.train_faces) train.insert(face.name);
  for (const FontFace& face : task.unseen_faces) unseen.insert(face.name);
  EXPECT_EQ(train.size(), task.train_faces.size());
  for (const std::string& name : unseen) EXPECT_EQ(train.count(name), 0u) << name;

  for (char32_t letter : task.letters) {
    const auto has = [&](const FontFace& face) { return face.has(letter); };
    EXPECT_GE(std::count_if(fonts_->faces.begin(), fonts_->faces.end(), has), 20);
    EXPECT_TRUE(std::any_of(task.train_faces.begin(), task.train_faces.end(), has));
  }
}

TEST_F(Glyphs, AnotherSeedTrainsOnOtherFacesOfTheSameLetters) {
  const GlyphTask a = glyph_task(*fonts_, {}, Seed(0)), b = glyph_task(*fonts_, {}, Seed(1));
  EXPECT_EQ(a.letters, b.letters);
  std::vector<std::string> names_a, names_b;
  for (const FontFace& face : a.train_faces) names_a.push_back(face.name);
  for (const FontFace& face : b.train_faces) names_b.push_back(face.name);
  EXPECT_NE(names_a, names_b);
}

TEST_F(Glyphs, SeedDecidesEveryBitAndThreadsNone) {
  const std::vector<FontFace> faces = {face("DejaVu Sans Book"), face("FreeSerif Italic"),
                                       face("Liberation Mono Bold")};
  const std::vector<char32_t> letters = {U'A', U'b', U'ж'};
  const GlyphImages options = {.images_per_letter = 100, .distortion = kGlyphDistortion};
  const Dataset images = glyph_images(faces, letters, options, Seed(3));
  EXPECT_TRUE(same_bits(images, glyph_images(faces, letters, options, Seed(3))));
  EXPECT_FALSE(torch::equal(images.inputs, glyph_images(faces, letters, options, Seed(4)).inputs));

  const int threads = core::num_threads();
  core::set_num_threads(threads == 1 ? 3 : 1);
  EXPECT_TRUE(same_bits(images, glyph_images(faces, letters, options, Seed(3))));
  core::set_num_threads(threads);

  // The first images do not depend on how many follow.
  const Dataset fewer =
      glyph_images(faces, letters, {.images_per_letter = 10, .distortion = kGlyphDistortion}, Seed(3));
  EXPECT_TRUE(torch::equal(fewer.inputs, images.inputs.slice(0, 0, 30)));
}

TEST_F(Glyphs, WithoutDistortionEachImageIsOneOfTheFaces) {
  const std::vector<FontFace> faces = {face("DejaVu Serif Book"), face("Linux Libertine O Regular")};
  const std::vector<char32_t> letters = {U'Q', U'ф'};
  const torch::Tensor plain = render_glyphs(faces, letters, 28);
  const Dataset images = glyph_images(faces, letters, {.images_per_letter = 40}, Seed(1));
  std::vector<int64_t> counts(2);
  for (int64_t i = 0; i < images.size(); ++i) {
    const int64_t letter = images.targets[i].item<int64_t>();
    EXPECT_EQ(letter, i % 2);
    int64_t matches = 0;
    for (int64_t f = 0; f < 2; ++f)
      if (torch::equal(images.inputs[i][0], plain[f][letter])) ++matches, ++counts[static_cast<size_t>(f)];
    EXPECT_EQ(matches, 1);
  }
  EXPECT_GT(counts[0], 20);  // of 80, by fair draws
  EXPECT_GT(counts[1], 20);
}

double deviation(const torch::Tensor& values) {
  return values.to(torch::kFloat64).std().item<double>();
}

// Of a bar's centre and slope, over 1,000 images: a uniform draw in ± a has the deviation a / √3.
TEST_F(Glyphs, DistortionsHaveTheirSizes) {
  constexpr int64_t kCount = 1000, kSize = 64;
  const std::vector<FontFace> faces = {face("DejaVu Sans Book")};
  const auto images_with = [&](const Distortion& distortion) {
    return glyph_images(faces, {U'l'}, {.size = kSize, .images_per_letter = kCount, .distortion = distortion},
                        Seed(0))
        .inputs.squeeze(1)
        .to(torch::kFloat64);
  };
  const torch::Tensor at = torch::arange(kSize, torch::kFloat64);
  const auto centre = [&](const torch::Tensor& images, int64_t other) {
    const torch::Tensor profile = images.sum(other);
    return (profile * at).sum(1) / profile.sum(1);
  };
  const torch::Tensor moved = images_with({.shift = 0.1});
  EXPECT_NEAR(deviation(centre(moved, 1)), 0.1 * kSize / std::sqrt(3), 0.15);
  EXPECT_NEAR(deviation(centre(moved, 2)), 0.1 * kSize / std::sqrt(3), 0.15);

  // Slope of a slanted bar: covariance of x and y over the variance of y.
  const auto slope = [&](const torch::Tensor& images) {
    const torch::Tensor mass = images / images.sum({1, 2}, true);
    const torch::Tensor x = at.view({1, 1, -1}) - centre(images, 1).view({-1, 1, 1});
    const torch::Tensor y = at.view({1, -1, 1}) - centre(images, 2).view({-1, 1, 1});
    return -(mass * x * y).sum({1, 2}) / (mass * y * y).sum({1, 2});
  };
  EXPECT_NEAR(deviation(slope(images_with({.shear = 0.2}))), 0.2 / std::sqrt(3), 0.01);
  EXPECT_NEAR(deviation(slope(images_with({.rotation = 10})).atan()) * 180 / 3.141592653589793,
              10 / std::sqrt(3), 0.4);
  EXPECT_NEAR(deviation(images_with({.scale = 0.2}).sum({1, 2}).log()), 0.2 * std::sqrt(2.0 / 3), 0.01);

  // σ of the noise is itself uniform in 0 … 0.1: variance 0.1² / 3, and half of the black pixels stay black.
  const torch::Tensor corner = images_with({.noise = 0.1}).slice(1, 0, 4).slice(2, 0, 4) / 255;
  EXPECT_NEAR(corner.square().mean().item<double>(), 0.01 / 3 / 2, 2e-4);
}

// A Gaussian filter keeps the ink and adds its variance along both axes.
TEST_F(Glyphs, BlurIsGaussian) {
  constexpr int64_t kSize = 64;
  const std::vector<FontFace> faces = {face("DejaVu Sans Book")};
  const auto blurred = [&](double blur) {
    return glyph_images(faces, {U'l'},
                        {.size = kSize, .images_per_letter = 300, .distortion = {.blur = blur}}, Seed(0))
        .inputs.squeeze(1)
        .to(torch::kFloat64);
  };
  const torch::Tensor at = torch::arange(kSize, torch::kFloat64);
  const auto variance = [&](const torch::Tensor& images, int64_t other) {
    const torch::Tensor profile = images.sum(other) / images.sum({1, 2}).unsqueeze(1);
    const torch::Tensor mean = (profile * at).sum(1, true);
    return (profile * (at - mean).square()).sum(1).mean().item<double>();
  };
  const torch::Tensor sharp = blurred(0), soft = blurred(3);
  for (int64_t other : {1, 2})
    EXPECT_NEAR(variance(soft, other) - variance(sharp, other), 3.0 * 3 / 3, 0.3) << other;
  EXPECT_NEAR((soft.sum() / sharp.sum()).item<double>(), 1, 0.01);
}

TEST_F(Glyphs, ShiftShowsTheSameLettersMoreDistorted) {
  const std::vector<FontFace> faces = {face("DejaVu Sans Book"), face("Liberation Serif Bold")};
  const std::vector<char32_t> letters = {U'd', U'λ'};
  const auto with = [&](const Distortion& distortion) {
    return glyph_images(faces, letters, {.images_per_letter = 200, .distortion = distortion}, Seed(0));
  };
  const Dataset plain = with({}), usual = with(kGlyphDistortion), shifted = with(kGlyphShift);
  const auto distance = [&](const Dataset& images) {
    return (images.inputs.to(torch::kFloat64) - plain.inputs.to(torch::kFloat64))
        .square()
        .mean()
        .item<double>();
  };
  EXPECT_TRUE(torch::equal(usual.targets, shifted.targets));
  EXPECT_GT(distance(shifted), 1.2 * distance(usual));
}

TEST_F(Glyphs, MissingLettersAreNamed) {
  const std::vector<FontFace> mono = {face("Liberation Mono Regular")};
  EXPECT_INPUT_ERROR(render_glyphs(mono, {U'Ա'}, 28), "Liberation Mono Regular has no letter U+0531 Ա");
  EXPECT_INPUT_ERROR(glyph_images(mono, {U'A', U'Ա'}, {}, Seed(0)),
                     "none of 1 font faces has the letter U+0531 Ա");
  EXPECT_INPUT_ERROR(render_glyphs(mono, {U'A'}, 4), "8 to 1024 pixels, got 4");
  EXPECT_INPUT_ERROR(glyph_images(mono, {U'A'}, {.images_per_letter = 0}, Seed(0)), "images_per_letter");
}

TEST_F(Glyphs, TooFewFontsAreAnErrorThatNamesPackages) {
  const core::TemporaryDirectory directory;
  EXPECT_INPUT_ERROR(load_source("glyphs:" + directory.path().string()),
                     "holds no fonts (.ttf, .otf, .ttc, .pfb)");
  EXPECT_INPUT_ERROR(load_source("glyphs:" + directory.path().string()),
                     "apt install fonts-dejavu-core fonts-dejavu-extra fonts-freefont-ttf");
  EXPECT_INPUT_ERROR(load_source("glyphs:" + (directory.path() / "none").string()),
                     "cannot read the directory");
  fs::copy(face("DejaVu Sans Book").file, directory.path());
  EXPECT_INPUT_ERROR(load_source("glyphs:" + directory.path().string()),
                     "1 font faces have 0 letters that at least 20 of them share, 1000 are needed");
  EXPECT_INPUT_ERROR(glyph_task(*fonts_, {.num_train_faces = 1000}, Seed(0)), "more than 1000 are needed");
}

TEST_F(Glyphs, DamagedFontsAreLeftOutWithTheReason) {
  const core::TemporaryDirectory directory;
  const std::string bytes = core::read_file(face("FreeMono Regular").file);
  testing::save(directory.path() / "short.ttf", bytes.substr(0, 300));
  testing::save(directory.path() / "empty.otf", "");
  testing::save(directory.path() / "text.ttf", "not a font");
  EXPECT_INPUT_ERROR(read_fonts(directory.path()), "no font can be read");
  testing::save(directory.path() / "whole.ttf", bytes);
  const Fonts fonts = read_fonts(directory.path());
  ASSERT_EQ(fonts.faces.size(), 1u);
  EXPECT_EQ(fonts.faces[0].name, "FreeMono Regular");
  ASSERT_EQ(fonts.unreadable.size(), 3u);
  EXPECT_NE(fonts.unreadable[0].find("empty.otf is no font that FreeType can read"), std::string::npos);
}

// Whatever bytes are overwritten: letters, or one line that says why there are none.
TEST_F(Glyphs, OverwrittenBytesDoNoHarm) {
  const core::TemporaryDirectory directory;
  const fs::path file = directory.path() / "damaged.otf";
  for (const char* name : {"DejaVu Sans Mono Book", "Linux Libertine O Regular"}) {
    const std::string bytes = core::read_file(face(name).file);
    for (uint64_t trial = 0; trial < 60; ++trial) {
      core::Random random = Seed(trial).random();
      std::string damaged = bytes;
      for (int64_t i = 0; i < 2000; ++i)
        damaged[static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())))] =
            static_cast<char>(random.below(256));
      testing::save(file, damaged);
      try {
        for (const FontFace& face : read_faces(file)) {
          const std::vector<Outline> outlines = read_outlines(face, {U'A', U'g', U'Ж', U'ö'});
          std::vector<uint8_t> image(28 * 28);
          for (const Outline& outline : outlines)
            Rasterizer().draw(outline, {20, 0, 0, 20, 4, 8}, 28, image.data());
        }
      } catch (const InputError& error) {
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      }
    }
  }
}

TEST_F(Glyphs, SourceHasThousandClassesFromSeparateFaces) {
  const Source source = load_source("glyphs");
  EXPECT_EQ(source.train.inputs.sizes(), torch::IntArrayRef({100000, 1, 28, 28}));
  EXPECT_EQ(source.test.inputs.sizes(), torch::IntArrayRef({20000, 1, 28, 28}));
  EXPECT_EQ(source.train.schema.num_classes(), 1000);
  EXPECT_EQ(source.train.schema.classes.front(), "U+0041 A");
  const torch::Tensor counts = torch::bincount(source.train.targets, {}, 1000);
  EXPECT_EQ(counts.min().item<int64_t>(), 100);
  EXPECT_EQ(counts.max().item<int64_t>(), 100);
  EXPECT_GT(ink(source.test.inputs.squeeze(1)).min().item<double>(), 3);
  EXPECT_FALSE(torch::equal(source.train.inputs[0], source.train.inputs[1000]));
}

}  // namespace
}  // namespace lathe::data
