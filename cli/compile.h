#pragma once
#include <map>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "lathe/compile/compile.h"

namespace lathe::cli {

// A network to compile, and what its file does not say.
struct ModelArguments {
  std::string model;                    // a bundle, or a .pt, .onnx, .txt or .graph file
  std::vector<std::string> inputs;      // f32:1,3,224,224
  std::vector<std::string> dimensions;  // batch=1
};
void add_model_options(CLI::App* verb, ModelArguments& arguments);
compile::Graph read_model(const ModelArguments& arguments);

struct CodeArguments {
  std::string target = "host", externals = "auto";
  int opt_level = 3;
  bool measure = false, check_passes = false, no_cache = false;
};
// Layers in bytes.
struct QuantizeArguments {
  std::string quantize = "none", calibration = "percentile";
  std::vector<std::string> samples;  // .npy files, one for each input, examples along the first axis
  double most_loss = 0.01;
};
void add_quantize_options(CLI::App* verb, QuantizeArguments& arguments);
// The graph with layers in bytes, by the samples; itself where nothing was asked for.
compile::Graph quantized(const compile::Graph& graph, const QuantizeArguments& arguments, bool quiet);

void add_code_options(CLI::App* verb, CodeArguments& arguments);
// Compiles with a progress bar. Throws InputError where this build has no code generator.
compile::CompileReport compile_graph(const compile::Graph& graph, const std::filesystem::path& directory,
                                     const CodeArguments& arguments, int threads);

int threads_or_one(const Options& options);  // --threads auto: 1

void add_compile_explain(CLI::App& compile, Options& options);
void add_compile_verify(CLI::App& compile, Options& options);
void add_compile_bench(CLI::App& compile, Options& options);
void add_compile_run(CLI::App& compile, Options& options);
void add_compile_tables(CLI::App& compile, Options& options);  // targets, operators, cache

}  // namespace lathe::cli
