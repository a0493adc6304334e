#pragma once
#include <torch/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace lathe::evaluate {

// What a model said about some examples, and what they are.
struct LogitsFile {
  at::Tensor logits;                 // float32 or float64 [N, K]
  at::Tensor targets;                // int64 [N]; undefined where no file has them
  std::vector<std::string> classes;  // names of the columns of a CSV file; empty for .npy
};

// Logits come from
//   FILE.npy  a floating-point array [N, K]
//   FILE.csv  a header with one column a class and, if it likes, one named `label`
// and labels from that column or from a file of their own:
//   FILE.npy  an integer array [N]
//   FILE.csv  a header with a column named `label`
// A `label` column holds class names throughout, or class indices from 0 throughout; names win where both
// fit. Throws InputError naming the file, the line, and what would be right.
LogitsFile read_logits(const std::filesystem::path& logits,
                       const std::optional<std::filesystem::path>& labels = std::nullopt);

}  // namespace lathe::evaluate
