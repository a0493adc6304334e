// PNG images, as they are and with the checksums of their chunks made right, which no mutation would hit.
#include <zlib.h>

#include "lathe/data/image_codec.h"
#include "lathe/data/inputs.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

constexpr size_t kSignature = 8;

uint32_t big_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Chunks: length, type, data, CRC of type and data.
std::string with_checksums(std::string_view png) {
  std::string bytes(png);
  for (size_t at = kSignature; at + 12 <= bytes.size();) {
    const size_t size = big_endian(std::string_view(bytes).substr(at, 4));
    if (size > bytes.size() - at - 12) break;
    const uLong crc =
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data() + at + 4), static_cast<uInt>(size + 4));
    for (size_t i = 0; i < 4; ++i) bytes[at + 8 + size + i] = static_cast<char>(crc >> (24 - 8 * i));
    at += 12 + size;
  }
  return bytes;
}

void read(std::string_view bytes) {
  const std::string png = with_checksums(bytes);
  const data::ImageHeader header = data::read_image_header(png, "image.png");
  const torch::Tensor image = data::decode_image(png, "image.png", header.channels);
  require(image.size(1) == header.height && image.size(2) == header.width,
          "the pixels are as many as the header says");
  data::decode_image(bytes, "image.png", 4 - header.channels);
}

std::vector<std::string> seeds() {
  return {data::encode_png(gradient_image(3, 5, 4)), data::encode_png(gradient_image(1, 1, 9))};
}

const bool registered = add_target({"png", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
