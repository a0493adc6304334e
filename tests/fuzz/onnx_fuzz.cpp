// ONNX models.
#include "lathe/compile/import_onnx.h"
#include "lathe/compile/onnx_conformance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

void read(std::string_view bytes) {
  const compile::Graph graph = compile::import_onnx_bytes(bytes);  // which also checks it
  require(!graph.outputs.empty(), "a graph has outputs");
  for (const auto& value : graph.values)
    require(!value.is_constant() || value.constant.numel() == value.type.numel(), "constants are whole");
}

// Small files of ONNX's test data that need nothing known: one of each kind of handler. None without the
// data.
std::vector<std::string> seeds() {
  std::vector<std::string> files;
  if (compile::onnx_operators().empty()) return files;
  for (const char* name :
       {"conv_with_autopad_same", "averagepool_2d_ceil", "lstm_defaults", "gru_defaults",
        "layer_normalization_4d_axis2", "layer_normalization_3d_axis1_epsilon_expanded",
        "einsum_batch_matmul", "constantofshape_float_ones", "gather_2d_indices", "gathernd_example_float32",
        "pow_types_int32_float32", "reduce_log_sum_exp_default_axes_keepdims_random", "scan9_sum",
        "nllloss_NCd1d2_with_weight", "dynamicquantizelinear", "convinteger_with_padding",
        "transpose_all_permutations_3", "celu_expanded"}) {
    const auto file =
        std::filesystem::path(compile::kOnnxTestData) / "node" / (std::string("test_") + name) / "model.onnx";
    if (!std::filesystem::exists(file)) continue;
    const std::string bytes = core::read_file(file);
    try {
      compile::import_onnx_bytes(bytes);
      files.push_back(bytes);
    } catch (const Error&) {  // wants a shape that is known
    }
  }
  return files;
}

const bool registered = add_target({"onnx", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
