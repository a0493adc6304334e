#include "tests/fuzz/seed_files.h"

#include <torch/torch.h>
#include <zlib.h>

namespace lathe::fuzz {

std::string gzip_file(const std::string& content) {
  constexpr int kGzipOnly = 16;
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzipOnly, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, content.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string npy_file(const std::string& header, const std::string& values, char version) {
  std::string bytes = std::string("\x93NUMPY") + version + '\0' + static_cast<char>(header.size()) + '\0';
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + header + values;
}

torch::Tensor gradient_image(int64_t channels, int64_t height, int64_t width) {
  return torch::arange(channels * height * width)
      .mul(5)
      .remainder(256)
      .to(torch::kUInt8)
      .view({channels, height, width});
}

}  // namespace lathe::fuzz
