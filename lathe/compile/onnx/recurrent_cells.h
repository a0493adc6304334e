#pragma once
#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {

// One direction of an LSTM, GRU or RNN as ONNX has it.
struct Layer {
  ValueId x;               // [T, N, I]
  ValueId w, r;            // [gates·H, I], [gates·H, H]
  ValueId w_bias, r_bias;  // [gates·H]
  Ids states;              // h, and an LSTM's c: [N, H]
  ValueId peepholes = -1;  // [3H]
  std::vector<std::string> activations;
};

// The activations of one direction, defaults filled in. Throws InputError for those with parameters.
std::vector<std::string> activations(const Call& call, int64_t direction);
// The layer is what the compiler's own lstm and gru compute.
bool has_kernel(const Call& call, const Layer& layer);
// The states after one step on x [N, I]; the first of them is the output.
Ids step(const Call& call, const Layer& layer, ValueId x);

}  // namespace lathe::compile::onnx_import
