#include "lathe/data/glyph_image.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::data {
namespace {

constexpr double kFontSize = 0.7, kBaseline = 0.3;  // of the image's side
constexpr double kMargin = 1;                       // pixels
constexpr int64_t kLeastSize = 8, kMostSize = 1024;

std::string utf8(char32_t code) {
  const auto byte = [](char32_t bits) { return static_cast<char>(bits); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f))};
  return {byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f))};
}

std::string name_of(char32_t letter) {
  return fmt::format("U+{:04X} {}", static_cast<uint32_t>(letter), utf8(letter));
}

// [face][letter]
std::vector<std::vector<Outline>> outlines_of(const std::vector<FontFace>& faces,
                                              const std::vector<char32_t>& letters) {
  std::vector<std::vector<Outline>> outlines(faces.size());
  core::parallel_for(static_cast<int64_t>(faces.size()), 1, [&](int64_t begin, int64_t end) {
    for (auto f = static_cast<size_t>(begin); f < static_cast<size_t>(end); ++f)
      outlines[f] = read_outlines(faces[f], letters);
  });
  return outlines;
}

void check_size(int64_t size) {
  if (size < kLeastSize || size > kMostSize)
    throw InputError("images of letters must have a side of {} to {} pixels, got {}", kLeastSize, kMostSize,
                     size);
}

Affine after(const Affine& second, const Affine& first) {
  return {second.xx * first.xx + second.xy * first.yx,
          second.xx * first.xy + second.xy * first.yy,
          second.yx * first.xx + second.yy * first.yx,
          second.yx * first.xy + second.yy * first.yy,
          second.xx * first.dx + second.xy * first.dy + second.dx,
          second.yx * first.dx + second.yy * first.dy + second.dy};
}

// From em to pixels, undistorted.
Affine placed(const Outline& outline, int64_t size) {
  float left = std::numeric_limits<float>::infinity(), right = -left, bottom = left, top = -left;
  for (const Outline::Point& p : outline.points) {
    left = std::min(left, p.x), right = std::max(right, p.x);
    bottom = std::min(bottom, p.y), top = std::max(top, p.y);
  }
  const auto side = static_cast<double>(size);
  const double room = side - 2 * kMargin;
  const double extent = std::max<double>(right - left, top - bottom);
  const double scale = std::min(kFontSize * side, room / extent);
  const double raised = std::max(kBaseline * side, kMargin - scale * bottom);
  return {scale,
          0,
          0,
          scale,
          (side - scale * (left + right)) / 2,
          std::min(raised, side - kMargin - scale * top)};
}

// About the image's centre.
Affine distorted(const Distortion& by, int64_t size, core::Random& random) {
  constexpr double kDegree = 3.14159265358979323846 / 180;
  const double half = static_cast<double>(size) / 2;
  const double angle = kDegree * random.uniform(-by.rotation, by.rotation);
  const double shear = random.uniform(-by.shear, by.shear);
  const double width = 1 + random.uniform(-by.scale, by.scale),
               height = 1 + random.uniform(-by.scale, by.scale);
  const double right = 2 * half * random.uniform(-by.shift, by.shift);
  const double up = 2 * half * random.uniform(-by.shift, by.shift);
  const double c = std::cos(angle), s = std::sin(angle);
  const Affine shape = after({c, -s, s, c}, {width, shear, 0, height});
  return after({shape.xx, shape.xy, shape.yx, shape.yy, half + right, half + up}, {1, 0, 0, 1, -half, -half});
}

// One image, over and over.
class Painter {
 public:
  explicit Painter(int64_t size)
      : size_(size), pixels_(static_cast<size_t>(size * size)), rows_(pixels_.size()) {}

  void draw(const Outline& outline, const Affine& to_pixels, uint8_t* image) {
    std::fill_n(image, size_ * size_, uint8_t{0});
    rasterizer_.draw(outline, to_pixels, size_, image);
  }

  void blur_and_add_noise(double blur, double noise, core::Random& random, uint8_t* image) {
    std::copy_n(image, size_ * size_, pixels_.begin());
    make_kernel(blur);
    convolve(pixels_, rows_, 1, size_);
    convolve(rows_, pixels_, size_, 1);
    for (size_t i = 0; i < pixels_.size(); ++i) {
      const double value = pixels_[i] + 255 * noise * random.normal();
      image[i] = static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
    }
  }

 private:
  void make_kernel(double deviation) {
    const auto radius = static_cast<int64_t>(std::ceil(3 * deviation));
    kernel_.assign(static_cast<size_t>(2 * radius + 1), 1);
    double sum = 0;
    for (int64_t k = -radius; k <= radius; ++k) {
      const double z = deviation > 0 ? static_cast<double>(k) / deviation : 0;
      sum += kernel_[static_cast<size_t>(k + radius)] = static_cast<float>(std::exp(-z * z / 2));
    }
    for (float& weight : kernel_) weight = static_cast<float>(weight / sum);
  }

  // Along lines of neighbours `step` apart; `across` leads from line to line. Black lies outside.
  void convolve(const std::vector<float>& from, std::vector<float>& to, int64_t step, int64_t across) const {
    const auto radius = static_cast<int64_t>(kernel_.size() / 2);
    for (int64_t line = 0; line < size_; ++line)
      for (int64_t i = 0; i < size_; ++i) {
        float sum = 0;
        for (int64_t k = std::max(-radius, -i); k <= std::min(radius, size_ - 1 - i); ++k)
          sum += kernel_[static_cast<size_t>(k + radius)] *
                 from[static_cast<size_t>(line * across + (i + k) * step)];
        to[static_cast<size_t>(line * across + i * step)] = sum;
      }
  }

  int64_t size_;
  Rasterizer rasterizer_;
  std::vector<float> pixels_, rows_, kernel_;
};

}  // namespace

torch::Tensor render_glyphs(const std::vector<FontFace>& faces, const std::vector<char32_t>& letters,
                            int64_t size) {
  check_size(size);
  const auto num_faces = static_cast<int64_t>(faces.size()),
             num_letters = static_cast<int64_t>(letters.size());
  const std::vector<std::vector<Outline>> outlines = outlines_of(faces, letters);
  torch::Tensor images = torch::empty({num_faces, num_letters, size, size}, torch::kUInt8);
  uint8_t* pixels = images.data_ptr<uint8_t>();
  core::parallel_for(num_faces * num_letters, 64, [&](int64_t begin, int64_t end) {
    Painter painter(size);
    for (int64_t i = begin; i < end; ++i) {
      const auto face = static_cast<size_t>(i / num_letters), letter = static_cast<size_t>(i % num_letters);
      const Outline& outline = outlines[face][letter];
      if (outline.blank())
        throw InputError("{}: {} has no letter {}", faces[face].file.string(), faces[face].name,
                         name_of(letters[letter]));
      painter.draw(outline, placed(outline, size), pixels + i * size * size);
    }
  });
  return images;
}

Dataset glyph_images(const std::vector<FontFace>& faces, const std::vector<char32_t>& letters,
                     const GlyphImages& options, core::Seed seed) {
  check_size(options.size);
  if (options.images_per_letter < 1)
    throw InputError("images_per_letter must be positive, got {}", options.images_per_letter);
  const std::vector<std::vector<Outline>> outlines = outlines_of(faces, letters);
  std::vector<std::vector<const Outline*>> shapes(
      letters.size());  // of each letter, in the faces that have it
  Dataset dataset;
  for (size_t l = 0; l < letters.size(); ++l) {
    for (const std::vector<Outline>& face : outlines)
      if (!face[l].blank()) shapes[l].push_back(&face[l]);
    dataset.schema.classes.push_back(name_of(letters[l]));
    if (shapes[l].empty())
      throw InputError("none of {} font faces has the letter {}", faces.size(),
                       dataset.schema.classes.back());
  }

  const int64_t size = options.size, num_letters = static_cast<int64_t>(letters.size());
  const int64_t count = num_letters * options.images_per_letter;
  dataset.schema.shape = {1, size, size};
  dataset.targets = torch::arange(count, torch::kInt64).remainder(std::max<int64_t>(num_letters, 1));
  dataset.inputs = torch::empty({count, 1, size, size}, torch::kUInt8);
  uint8_t* images = dataset.inputs.data_ptr<uint8_t>();
  core::parallel_for(count, 64, [&](int64_t begin, int64_t end) {
    Painter painter(size);
    for (int64_t i = begin; i < end; ++i) {
      core::Random random = seed.stream(static_cast<uint64_t>(i)).random();
      const std::vector<const Outline*>& choice = shapes[static_cast<size_t>(i % num_letters)];
      const Outline& outline =
          *choice[static_cast<size_t>(random.below(static_cast<int64_t>(choice.size())))];
      const Distortion& by = options.distortion;
      uint8_t* image = images + i * size * size;
      painter.draw(outline, after(distorted(by, size, random), placed(outline, size)), image);
      const double blur = random.uniform(0, by.blur), noise = random.uniform(0, by.noise);
      painter.blur_and_add_noise(blur, noise, random, image);
    }
  });
  return dataset;
}

}  // namespace lathe::data
