#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lathe::compile {

enum class Verdict { right, refused, wrong };

// One case of ONNX's own test data: a folder with model.onnx and test_data_set_0/{input,output}_N.pb.
struct ConformanceRow {
  std::string name;  // the folder's, below the one that was given
  std::string op;    // the operators of the model, without repetition, joined by ' '
  int64_t opset = 0;
  Verdict verdict = Verdict::refused;
  std::string message;  // why it was refused, what was wrong; which inputs had to be known when compiling
};

// Imports and evaluates every case below a folder, at any depth, in order of their names. Right: every output
// has the shape and type that the case says, integers equal, floats to 1e-3 relative and 1e-5 absolute.
// Inputs that an operator needs when compiling (shapes, axes) are given as known where a case fails without.
// Throws InputError when there is no such folder, or lathe was built without ONNX.
std::vector<ConformanceRow> onnx_conformance(const std::filesystem::path& folder);

inline constexpr const char* kOnnxTestData = "/usr/share/libonnx-testdata/data";  // Debian: libonnx-testdata

}  // namespace lathe::compile
