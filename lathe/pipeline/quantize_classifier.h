#pragma once
#include "lathe/compile/quantize.h"
#include "lathe/core/interrupt.h"
#include "lathe/pipeline/compile_stage.h"

namespace lathe::pipeline {

// A classifier's graph of one example with layers in bytes: the most sensitive ones stay in floating point
// until the accuracy on data.judged (at most 1000 of them) drops by at most options.max_accuracy_drop.
compile::Quantized quantize_classifier(const compile::Graph& graph, const CompileData& data,
                                       const CompileStageOptions& options, const core::StopToken& stop,
                                       core::Seed seed);

// For a report's details: share, loss, bits, and each layer with its sensitivity.
nlohmann::json to_json(const compile::Quantized& quantized);

// One line: how much runs in bytes, and what does not.
std::string summary(const compile::Quantized& quantized);

}  // namespace lathe::pipeline
