#pragma once
#include <gtest/gtest.h>

#include "lathe/compile/compile.h"
#include "lathe/compile/compiled_model.h"
#include "lathe/core/files.h"

namespace lathe::compile::testing {

// Inputs that every op takes: normal numbers, small whole ones for integers.
inline std::vector<torch::Tensor> random_inputs(const Graph& graph, uint64_t seed = 1) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  std::vector<torch::Tensor> inputs;
  for (ValueId id : graph.inputs) {
    const Type& type = graph.type(id);
    if (type.dtype == DType::f32 || type.dtype == DType::f64)
      inputs.push_back(torch::randn(type.shape, generator, torch::dtype(scalar_type(type.dtype))));
    else
      inputs.push_back(torch::randint(0, 2, type.shape, generator, torch::dtype(scalar_type(type.dtype))));
  }
  return inputs;
}

// The graph's outputs from compiled code agree with libtorch's in double precision.
inline void expect_compiled(const Graph& graph, double tolerance = 1e-5, CompileOptions options = {},
                            std::vector<torch::Tensor> inputs = {}, int threads = 1) {
  const core::TemporaryDirectory directory;
  options.target = target("host");
  if (inputs.empty()) inputs = random_inputs(graph);
  const auto expected = evaluate(graph, inputs, Precision::f64);
  compile(graph, directory.path() / "m", options);
  CompiledModel model(directory.path() / "m", threads);
  for (int run = 0; run < 2; ++run) {  // the second finds the arena as the first left it
    const auto outputs = model(inputs);
    ASSERT_EQ(outputs.size(), expected.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const torch::Tensor wanted = expected[i].to(torch::kDouble), got = outputs[i].to(torch::kDouble);
      ASSERT_EQ(got.sizes(), wanted.sizes());
      const double scale = std::max(1.0, wanted.abs().max().item<double>());
      ASSERT_LE((got - wanted).abs().max().item<double>(), tolerance * scale)
          << "output " << i << " run " << run;
    }
  }
}

}  // namespace lathe::compile::testing
