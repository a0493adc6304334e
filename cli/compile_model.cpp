#include <fmt/ranges.h>
#include "cli/compile.h"

#include <iostream>

#include "lathe/compile/import_onnx.h"
#include "lathe/compile/import_torch.h"
#include "lathe/compile/kernel_cache.h"
#include "lathe/compile/passes.h"
#include "lathe/compile/text.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/interrupt.h"
#include "lathe/core/progress.h"
#include "lathe/data/npy.h"
#include "lathe/pipeline/quantize_classifier.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kVariants = 8;  // of a kernel, to measure

int64_t parse_size(const std::string& text, const std::string& whole) {
  if (text.empty() || text.size() > 12 || text.find_first_not_of("0123456789") != std::string::npos)
    throw InputError("{} has no size at '{}'; write a type as f32:1,3,224,224 and a dimension as batch=1",
                     whole, text);
  return std::stoll(text);
}

// "f32:1,3,224,224".
compile::Type parse_type(const std::string& text) {
  const size_t colon = text.find(':');
  compile::Type type{compile::dtype_of(std::string_view(text).substr(0, colon)), {}};
  if (colon == std::string::npos) return type;
  for (size_t begin = colon + 1; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    type.shape.push_back(parse_size(text.substr(begin, end - begin), "--input " + text));
    begin = end + 1;
  }
  return type;
}

std::map<std::string, int64_t> parse_dimensions(const std::vector<std::string>& texts) {
  std::map<std::string, int64_t> dimensions;
  for (const std::string& text : texts) {
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos) throw InputError("--dimension must be NAME=SIZE, got {}", text);
    dimensions[text.substr(0, equals)] = parse_size(text.substr(equals + 1), "--dimension " + text);
  }
  return dimensions;
}

// Nodes without a source are told apart by the names of what they make, or by their numbers.
compile::Graph read_text(const fs::path& file) {
  compile::Graph graph;
  try {
    graph = compile::parse_text(core::read_file(file));
  } catch (const InputError& error) {
    throw InputError("{}: {}", file.string(), error.what());
  }
  for (compile::Node& node : graph.nodes) {
    if (!node.source.empty() || node.outputs.empty()) continue;
    const std::string& name = graph.value(node.outputs[0]).name;
    node.source = name.empty() ? fmt::format("{}_{}", node.op, node.outputs[0]) : name;
  }
  if (graph.name.empty()) graph.name = file.stem().string();
  return graph;
}

compile::Graph read_onnx(const ModelArguments& arguments) {
  if (!arguments.inputs.empty())
    throw InputError(
        "--input is for TorchScript files; an ONNX file's open axes get sizes with --dimension batch=1");
  try {
    return compile::import_onnx(arguments.model, {.dimensions = parse_dimensions(arguments.dimensions)});
  } catch (const InputError& error) {
    const std::string what = error.what();
    throw InputError("{}{}", what,
                     what.find("give a size for") != std::string::npos ? " (--dimension NAME=SIZE)" : "");
  }
}

}  // namespace

void add_model_options(CLI::App* verb, ModelArguments& arguments) {
  verb->add_option("--input", arguments.inputs,
                   "Type of a TorchScript file's input, one for each: f32:1,3,224,224")
      ->type_name("TYPE")
      ->allow_extra_args(false);
  verb->add_option("--dimension", arguments.dimensions,
                   "Size of an axis that an ONNX file leaves open: batch=1")
      ->type_name("NAME=SIZE")
      ->allow_extra_args(false);
}

compile::Graph read_model(const ModelArguments& arguments) {
  const fs::path path = arguments.model;
  if (fs::is_directory(path)) {
    const auto bundle = pipeline::Bundle::open(path);
    if (!bundle.has("model.pt"))
      throw InputError("{} has no model.pt; `lathe train` makes one", path.string());
    return compile::import_torchscript(bundle.file("model.pt"));
  }
  if (!fs::exists(path))
    throw InputError("there is no {}; a model is a bundle, or a .pt, .onnx, .txt or .graph file",
                     path.string());
  const std::string kind = path.extension().string();
  if (kind == ".onnx") return read_onnx(arguments);
  if (kind == ".pt" || kind == ".pth") {
    std::vector<compile::Type> types;
    for (const std::string& text : arguments.inputs) types.push_back(parse_type(text));
    try {
      return compile::import_torchscript(path, types);
    } catch (const InputError& error) {
      const std::string what = error.what();
      throw InputError(
          "{}{}", what,
          what.find("give their types") != std::string::npos ? " (--input f32:1,3,224,224)" : "");
    }
  }
  if (kind == ".txt" || kind == ".graph") return read_text(path);
  throw InputError("{} is no model: a model is a bundle, or a .pt, .onnx, .txt or .graph file",
                   path.string());
}

void add_code_options(CLI::App* verb, CodeArguments& arguments) {
  verb->add_option("--target", arguments.target, "Processor, see `lathe compile targets`")
      ->capture_default_str();
  verb->add_option("--opt", arguments.opt_level,
                   "0: every operator for itself; 1: rewrites; 2: fusion; 3: blocked layouts")
      ->check(CLI::Range(0, 3))
      ->capture_default_str();
  verb->add_flag("--measure", arguments.measure,
                 "Time variants of the kernels in the network, keep the fastest");
  verb->add_option("--externals", arguments.externals,
                   "Kernels of other libraries (oneDNN): none; auto: those that --measure finds faster; "
                   "always: wherever there is one")
      ->check(CLI::IsMember({"none", "auto", "always"}))
      ->capture_default_str();
  verb->add_flag("--check-passes", arguments.check_passes,
                 "Run the network before and after every pass, and compare");
  verb->add_flag("--no-cache", arguments.no_cache, "Neither use nor keep kernels of other runs");
}

compile::CompileReport compile_graph(const compile::Graph& graph, const fs::path& directory,
                                     const CodeArguments& arguments, int threads) {
  if (!compile::has_code_generator())
    throw InputError("this build has no Halide; install libhalide14-0-dev and build again");
  const core::StopToken stop = core::process_stop_token();
  core::Progress progress("compile", 100, "%");
  const auto report = compile::compile(graph, directory,
                                       {.target = compile::target(arguments.target),
                                        .opt_level = arguments.opt_level,
                                        .check_passes = arguments.check_passes,
                                        .variants = arguments.measure ? kVariants : 1,
                                        .measure_threads = threads,
                                        .externals = compile::externals_of(arguments.externals),
                                        .cache = arguments.no_cache ? "" : compile::kernel_cache_directory(),
                                        .progress = [&](const std::string& what, double fraction) {
                                          stop.check("compiling");
                                          progress.update(static_cast<int64_t>(100 * fraction), what);
                                        }});
  progress.update(100);
  progress.finish(fmt::format("{} kernels, {} from the cache", report.num_kernels, report.num_found));
  return report;
}

void add_quantize_options(CLI::App* verb, QuantizeArguments& arguments) {
  verb->add_option(
          "--quantize", arguments.quantize,
          "int8: convolutions and linear layers in bytes, the most sensitive ones left out until the "
          "loss allows it")
      ->check(CLI::IsMember({"none", "int8"}))
      ->capture_default_str();
  verb->add_option(
          "--calibrate", arguments.samples,
          "Examples that ranges are measured with, one .npy file for each input; a bundle has its own")
      ->type_name("FILE.npy")
      ->allow_extra_args(false);
  verb->add_option("--calibration", arguments.calibration, "How ranges are found")
      ->check(CLI::IsMember({"min_max", "percentile", "kl"}))
      ->capture_default_str();
  verb->add_option(
          "--max-loss", arguments.most_loss,
          "Of a bundle: the accuracy it may lose; else the share of examples whose largest output may "
          "become another")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

namespace {

// Runs of the graph's own batch, from examples along the files' first axis.
std::vector<compile::Sample> read_samples(const compile::Graph& graph,
                                          const std::vector<std::string>& files) {
  if (files.size() != graph.inputs.size())
    throw InputError("--quantize wants a --calibrate FILE.npy for each of the {} inputs, got {}",
                     graph.inputs.size(), files.size());
  std::vector<compile::Sample> samples;
  for (size_t i = 0; i < files.size(); ++i) {
    const compile::Value& input = graph.value(graph.inputs[i]);
    const compile::Shape& shape = input.type.shape;
    const torch::Tensor all = data::read_npy(files[i]).to(compile::scalar_type(input.type.dtype));
    const bool fits = !shape.empty() && all.dim() == static_cast<int64_t>(shape.size()) &&
                      all.sizes().slice(1).equals(torch::IntArrayRef(shape).slice(1)) &&
                      all.size(0) >= shape[0];
    if (!fits)
      throw InputError("{} holds {}, the input {} wants {} along its first axis", files[i],
                       fmt::join(all.sizes(), "×"), input.name, compile::to_string(input.type));
    const auto runs = static_cast<size_t>(all.size(0) / shape[0]);
    if (i == 0) samples.resize(runs);
    if (runs != samples.size())
      throw InputError("{} has examples for {} runs, {} for {}", files[i], runs, files[0], samples.size());
    for (size_t run = 0; run < runs; ++run)
      samples[run].push_back(all.narrow(0, static_cast<int64_t>(run) * shape[0], shape[0]).contiguous());
  }
  return samples;
}

}  // namespace

compile::Graph quantized(const compile::Graph& graph, const QuantizeArguments& arguments, bool quiet) {
  if (arguments.quantize == "none") return graph;
  const auto samples = read_samples(graph, arguments.samples);
  const compile::Graph optimized = compile::optimize(graph);
  const core::StopToken stop = core::process_stop_token();
  core::Progress progress("quantize", 100, "%");
  const auto result = compile::quantize_model(optimized, samples, compile::disagreement(optimized, samples),
                                              {.calibration = compile::calibration_of(arguments.calibration),
                                               .most_loss = arguments.most_loss,
                                               .progress = [&](double fraction) {
                                                 stop.check("quantizing");
                                                 progress.update(static_cast<int64_t>(100 * fraction));
                                               }});
  progress.update(100);
  progress.finish();
  if (!quiet)
    std::cout << fmt::format("int8: {}; {:.1f} % of the examples have another largest output\n",
                             pipeline::summary(result), 100 * result.loss);
  return result.graph;
}

int threads_or_one(const Options& options) {
  return options.threads == "auto" ? 1 : std::stoi(options.threads);
}

}  // namespace lathe::cli
