#include "tests/fuzz/seed_files.h"

#include <torch/torch.h>

namespace lathe::fuzz {

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
