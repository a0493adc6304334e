#pragma once
#include <torch/types.h>

#include <string>
#include <string_view>

namespace lathe::data {

constexpr int64_t kMaxImageSide = 16384;
constexpr int64_t kMaxImageBytes = int64_t{256} << 20;  // decoded

struct ImageHeader {
  int64_t height, width;
  int64_t channels;  // 1 grey, 3 colour
};

// PNG and JPEG, told apart by their first bytes. Both throw InputError beginning with `name` for anything
// else, for damage and for more than kMaxImageSide or kMaxImageBytes.
ImageHeader read_image_header(std::string_view bytes, const std::string& name);
// uint8 [C, H, W]; transparent pixels are composed on white.
torch::Tensor decode_image(std::string_view bytes, const std::string& name, int64_t channels);

}  // namespace lathe::data
