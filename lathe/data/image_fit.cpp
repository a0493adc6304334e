#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/data/inputs.h"

namespace lathe::data {
namespace {

// The source pixels that make one pixel of the result, along one axis.
struct Taps {
  int64_t first;
  std::vector<float> weights;
};

// `size` pixels that lie `scale` source pixels apart, centred on `source_size` of them. Shrinking averages
// the interval that a pixel covers; growing interpolates between the two nearest centres, the border
// repeated.
std::vector<Taps> make_taps(int64_t source_size, int64_t size, double scale) {
  double begin = (static_cast<double>(source_size) - static_cast<double>(size) * scale) / 2;
  std::vector<Taps> taps(size);
  for (int64_t i = 0; i < size; ++i) {
    if (scale >= 1) {
      double low = begin + static_cast<double>(i) * scale, high = low + scale;
      // Rounding may put an end a hair outside of the image, or a hair into the next pixel.
      int64_t first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(low + 1e-6)));
      int64_t last = std::min(source_size, static_cast<int64_t>(std::ceil(high - 1e-6)));
      taps[i].first = first;
      for (int64_t j = first; j < last; ++j) {
        double overlap = std::min(high, static_cast<double>(j + 1)) - std::max(low, static_cast<double>(j));
        taps[i].weights.push_back(static_cast<float>(overlap / scale));
      }
    } else {
      double centre = begin + (static_cast<double>(i) + 0.5) * scale - 0.5;
      centre = std::clamp(centre, 0.0, static_cast<double>(source_size - 1));
      taps[i].first = std::min(static_cast<int64_t>(centre), std::max<int64_t>(0, source_size - 2));
      float share = static_cast<float>(centre - static_cast<double>(taps[i].first));
      taps[i].weights = {1 - share};
      if (source_size > 1) taps[i].weights.push_back(share);
    }
  }
  return taps;
}

}  // namespace

torch::Tensor fit_image(const torch::Tensor& image, int64_t height, int64_t width) {
  if (image.dim() != 3 || image.scalar_type() != torch::kUInt8 || image.numel() == 0 || height < 1 ||
      width < 1)
    throw Error("fit_image takes a uint8 image [channels, height, width] and a positive size");
  int64_t channels = image.size(0), source_height = image.size(1), source_width = image.size(2);
  if (source_height == height && source_width == width) return image.contiguous().clone();

  double scale = std::min(static_cast<double>(source_height) / static_cast<double>(height),
                          static_cast<double>(source_width) / static_cast<double>(width));
  std::vector<Taps> rows = make_taps(source_height, height, scale),
                    columns = make_taps(source_width, width, scale);
  torch::Tensor source = image.contiguous(), result = torch::empty({channels, height, width}, torch::kUInt8);
  uint8_t* to = result.data_ptr<uint8_t>();
  std::vector<float> line(source_width);
  for (int64_t c = 0; c < channels; ++c) {
    const uint8_t* plane = source.data_ptr<uint8_t>() + c * source_height * source_width;
    for (const Taps& row : rows) {
      std::fill(line.begin(), line.end(), 0.0f);
      for (size_t t = 0; t < row.weights.size(); ++t) {
        const uint8_t* from = plane + (row.first + static_cast<int64_t>(t)) * source_width;
        for (int64_t x = 0; x < source_width; ++x) line[x] += row.weights[t] * from[x];
      }
      for (const Taps& column : columns) {
        float sum = 0;
        for (size_t t = 0; t < column.weights.size(); ++t) sum += column.weights[t] * line[column.first + t];
        *to++ = static_cast<uint8_t>(std::clamp(std::lround(sum), 0L, 255L));
      }
    }
  }
  return result;
}

}  // namespace lathe::data
