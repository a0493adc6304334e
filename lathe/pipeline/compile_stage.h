#pragma once
#include <torch/types.h>

#include <filesystem>

#include "lathe/core/interrupt.h"
#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/options.h"

namespace lathe::pipeline {

// Compiles a model.pt for one example at a time into `staged`/compiled, and compares: outputs for the
// examples with the graph's in double precision (relative, at most 1e-4) and with libtorch's, latency with
// libtorch's on as many threads. A model with operators that the compiler does not have, and a machine
// without a linker, leave a report whose details say {skipped: why}, and one line on stderr. `examples` as
// the model takes them, at least one. Throws Error when compiled code computes something else.
// With quantize = "int8" ranges come from some of `calibration`, at random, and accuracy is judged by
// `judged`; the compiled model's outputs are then compared with the quantized graph's (within 5 %, since a
// sum in another order may round to the next byte), and the drop of accuracy is in the report.
struct CompileData {
  torch::Tensor examples;
  data::Dataset calibration, judged;  // only for int8
};
StageReport compile_model(const std::filesystem::path& model, const std::filesystem::path& staged,
                          const CompileStageOptions& options, const CompileData& data,
                          const core::StopToken& stop, core::Seed seed = core::Seed(0));
// Calibration by training examples, judged by held-out ones, or by others of the training examples if there
// are none.
CompileData compile_data(const data::Splits& splits);

// Inputs that a model with this schema takes, made up: noise.
torch::Tensor made_up_inputs(const data::Schema& schema, int64_t count, core::Seed seed);

// Logits of the inputs by the compiled model of a directory, one example at a time. Throws InputError for a
// damaged directory, and for inputs that are not what it was compiled for.
torch::Tensor compiled_predict(const std::filesystem::path& directory, const torch::Tensor& inputs,
                               int threads = 1);

}  // namespace lathe::pipeline
