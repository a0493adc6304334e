#include <algorithm>
#include <cmath>
#include <cstring>

#include "lathe/core/error.h"
#include "lathe/data/batches.h"
#include "lathe/data/gather.h"

namespace lathe::data {
namespace {

constexpr double kDegree = 3.14159265358979323846 / 180;

struct ImageSize {
  int64_t channels, height, width;
  int64_t plane() const { return height * width; }
};

// What was drawn for one image.
struct Draw {
  bool flip = false;
  int64_t shift_y = 0, shift_x = 0;    // result (y, x) shows source (y + shift_y, x + shift_x)
  double angle = 0;                    // radians
  int64_t cutout_y = 0, cutout_x = 0;  // centre
};

Draw draw(const AugmentOptions& options, const ImageSize& size, core::Random random) {
  Draw result;
  if (options.flip) result.flip = random.below(2) == 1;
  if (options.crop > 0) {
    result.shift_y = random.below(2 * options.crop + 1) - options.crop;
    result.shift_x = random.below(2 * options.crop + 1) - options.crop;
  }
  if (options.rotation > 0) result.angle = random.uniform(-options.rotation, options.rotation) * kDegree;
  if (options.cutout > 0) {
    result.cutout_y = random.below(size.height);
    result.cutout_x = random.below(size.width);
  }
  return result;
}

// Flip and crop, row by row.
void shift_plane(const uint8_t* from, uint8_t* to, const ImageSize& size, const Draw& draw, uint8_t fill) {
  int64_t first = std::clamp<int64_t>(-draw.shift_x, 0, size.width);
  int64_t last = std::clamp<int64_t>(size.width - draw.shift_x, 0, size.width);
  for (int64_t y = 0; y < size.height; ++y, to += size.width) {
    int64_t source_y = y + draw.shift_y;
    if (source_y < 0 || source_y >= size.height) {
      std::memset(to, fill, size.width);
      continue;
    }
    const uint8_t* row = from + source_y * size.width;
    std::memset(to, fill, first);
    if (draw.flip) {
      const uint8_t* end = row + size.width - draw.shift_x;
      std::reverse_copy(end - last, end - first, to + first);
    } else {
      std::memcpy(to + first, row + first + draw.shift_x, last - first);
    }
    std::memset(to + last, fill, size.width - last);
  }
}

// Flip, crop and rotation about the centre as one map, so that a rotated corner shows what the crop left out.
void rotate_plane(const uint8_t* from, uint8_t* to, const ImageSize& size, const Draw& draw, uint8_t fill) {
  auto pixel = [&](int64_t y, int64_t x) -> float {
    if (y < 0 || y >= size.height || x < 0 || x >= size.width) return fill;
    return from[y * size.width + (draw.flip ? size.width - 1 - x : x)];
  };
  float cosine = static_cast<float>(std::cos(draw.angle)), sine = static_cast<float>(std::sin(draw.angle));
  float centre_y = static_cast<float>(size.height - 1) / 2, centre_x = static_cast<float>(size.width - 1) / 2;
  for (int64_t y = 0; y < size.height; ++y)
    for (int64_t x = 0; x < size.width; ++x) {
      float dy = static_cast<float>(y) - centre_y, dx = static_cast<float>(x) - centre_x;
      float source_y = centre_y + cosine * dy + sine * dx + static_cast<float>(draw.shift_y);
      float source_x = centre_x - sine * dy + cosine * dx + static_cast<float>(draw.shift_x);
      float floor_y = std::floor(source_y), floor_x = std::floor(source_x);
      float share_y = source_y - floor_y, share_x = source_x - floor_x;
      int64_t y0 = static_cast<int64_t>(floor_y), x0 = static_cast<int64_t>(floor_x);
      float top = pixel(y0, x0) + share_x * (pixel(y0, x0 + 1) - pixel(y0, x0));
      float bottom = pixel(y0 + 1, x0) + share_x * (pixel(y0 + 1, x0 + 1) - pixel(y0 + 1, x0));
      *to++ = static_cast<uint8_t>(top + share_y * (bottom - top) + 0.5f);
    }
}

void cut_out(uint8_t* plane, const ImageSize& size, const Draw& draw, int64_t side, uint8_t fill) {
  int64_t top = draw.cutout_y - side / 2, left = draw.cutout_x - side / 2;
  int64_t first = std::max<int64_t>(left, 0), last = std::min(left + side, size.width);
  for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + side, size.height); ++y)
    std::memset(plane + y * size.width + first, fill, last - first);
}

void check(const AugmentOptions& options, const torch::Tensor& images) {
  if (images.dim() != 4 || images.scalar_type() != torch::kUInt8)
    throw InputError(
        "augmentation is for uint8 images [examples, channels, height, width], not for {} of {} dimensions",
        c10::toString(images.scalar_type()), images.dim());
  if (options.crop < 0 || options.crop >= std::min(images.size(2), images.size(3)))
    throw InputError("crop must be at least 0 and smaller than the images of {}×{}, got {}", images.size(3),
                     images.size(2), options.crop);
  if (!(options.rotation >= 0 && options.rotation <= 180))
    throw InputError("rotation must be between 0 and 180 degrees, got {}", options.rotation);
  if (options.cutout < 0) throw InputError("cutout must be at least 0, got {}", options.cutout);
  if (options.fill < 0 || options.fill > 255)
    throw InputError("fill must be between 0 and 255, got {}", options.fill);
}

}  // namespace

torch::Tensor gather_augmented(const torch::Tensor& images, const torch::Tensor& indices,
                               const AugmentOptions& options, core::Seed seed) {
  check(options, images);
  if (!options.any()) return gather_rows(images, indices);
  torch::Tensor source = images.contiguous(), wanted = checked_indices(indices, images.size(0));
  ImageSize size{images.size(1), images.size(2), images.size(3)};
  torch::Tensor result =
      torch::empty({wanted.numel(), size.channels, size.height, size.width}, torch::kUInt8);

  const int64_t* index = wanted.data_ptr<int64_t>();
  uint8_t* to = result.data_ptr<uint8_t>();
  uint8_t fill = static_cast<uint8_t>(options.fill);
  auto transform = options.rotation > 0 ? rotate_plane : shift_plane;
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    Draw drawn = draw(options, size, seed.stream(static_cast<uint64_t>(i)).random());
    const uint8_t* from = source.data_ptr<uint8_t>() + index[i] * size.channels * size.plane();
    for (int64_t c = 0; c < size.channels; ++c, from += size.plane(), to += size.plane()) {
      transform(from, to, size, drawn, fill);
      if (options.cutout > 0) cut_out(to, size, drawn, options.cutout, fill);
    }
  }
  return result;
}

}  // namespace lathe::data
