#pragma once
#include <torch/types.h>

#include <string>

namespace lathe::fuzz {

// Valid files for seeds, made by hand where the project has no writer of its own for them.
std::string npy_file(const std::string& header, const std::string& values, char version = 1);
torch::Tensor gradient_image(int64_t channels, int64_t height, int64_t width);  // uint8 [C, H, W]

}  // namespace lathe::fuzz
