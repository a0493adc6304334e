#pragma once
#include <torch/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace lathe::data {

// NumPy's .npy, versions 1 to 3, C or Fortran order, little-endian bool, integers and floats (float16 …
// float64); no objects, nothing is ever unpickled. Throws InputError naming the file and what is wrong with
// it.
torch::Tensor read_npy(const std::filesystem::path& file);
torch::Tensor parse_npy(std::string_view bytes,
                        const std::string& name);  // a file's content; `name` is for errors
void write_npy(const std::filesystem::path& file, const torch::Tensor& tensor);  // version 1, C order, atomic

}  // namespace lathe::data
