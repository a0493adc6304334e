#pragma once
#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "lathe/compile/graph.h"

namespace lathe::compile {

struct OnnxOptions {
  // Sizes of the axes that the file leaves open, by the axis' name in the file ("batch"), or "input[0]" where
  // it has none.
  std::map<std::string, int64_t> dimensions;
  // Inputs that always have these values: they become constants (shapes and axes that are inputs of the
  // file).
  std::map<std::string, torch::Tensor> known_inputs;
};

// An ONNX file (opset 7 to 17; an older one where its operators already were what they are), weights in it or
// beside it. What does not depend on the inputs' values is
// computed here, so that arithmetic with shapes disappears; If and Loop with known conditions are followed.
// Names of inputs and outputs are the file's, a node's source is its name in the file. Throws InputError: not
// an ONNX file, a newer opset, weights whose file is missing, an open axis without a size, every operator
// that the compiler does not have (how often and in which nodes), a node that cannot be (which, and why).
// Without Debian's libonnx at build time it always throws, and says which package is missing.
Graph import_onnx(const std::filesystem::path& file, const OnnxOptions& options = {});
// The same from bytes; weights beside a file cannot be found.
Graph import_onnx_bytes(std::string_view bytes, const OnnxOptions& options = {});

// Sorted names of the ONNX operators that can be imported; empty without libonnx.
std::vector<std::string> onnx_operators();

}  // namespace lathe::compile
