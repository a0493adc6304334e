#include <torch/torch.h>

#include <iostream>

#include "cli/compile.h"
#include "lathe/compile/compiled_model.h"
#include "lathe/compile/manifest.h"
#include "lathe/compile/roofline.h"
#include "lathe/core/error.h"
#include "lathe/core/interrupt.h"
#include "lathe/data/npy.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

constexpr double kBenchSeconds = 1;
constexpr int kLeastRuns = 10, kMostRuns = 5000, kProfileRuns = 50;
constexpr double kBusy = 1.3;  // median over fastest: other processes take the processors

// A bundle stands for what it was compiled to.
fs::path module_directory(const std::string& operand) {
  const fs::path path = operand;
  return fs::exists(path / "stages") ? path / "compiled" : path;
}

struct Latency {
  double median = 0, min = 0;  // seconds
  int runs = 0;
};

Latency latency(compile::CompiledModel& model) {
  using Clock = std::chrono::steady_clock;
  const core::StopToken stop = core::process_stop_token();
  for (int i = 0; i < 3; ++i) model.run();
  std::vector<double> times;
  const auto start = Clock::now();
  while (static_cast<int>(times.size()) < kLeastRuns ||
         (static_cast<int>(times.size()) < kMostRuns &&
          std::chrono::duration<double>(Clock::now() - start).count() < kBenchSeconds)) {
    stop.check("measuring");
    const auto before = Clock::now();
    model.run();
    times.push_back(std::chrono::duration<double>(Clock::now() - before).count());
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[0], static_cast<int>(times.size())};
}

void bench(const Options& options, const std::string& operand) {
  const fs::path directory = module_directory(operand);
  const compile::Manifest manifest = compile::read_manifest(directory);
  const int threads = threads_or_one(options);
  compile::CompiledModel model(directory, threads);
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    const compile::Type& type = model.inputs()[i].type;
    const auto values = torch::dtype(compile::scalar_type(type.dtype));
    model.set_input(i, type.dtype == compile::DType::f32 || type.dtype == compile::DType::f64
                           ? torch::randn(type.shape, values)
                           : torch::zeros(type.shape, values));
  }
  const Latency whole = latency(model);
  const auto profile = model.profile(kProfileRuns);
  double sum = 0, flops = 0;
  for (const auto& operation : profile) sum += operation.seconds, flops += operation.flops;
  const compile::Roofline roofline = compile::measure_roofline(threads);
  core::Table operations({"operation", "variant", "µs", "%", "GFLOP/s", "GB/s", "roofline %"});
  for (size_t i = 0; i < profile.size(); ++i) {
    const auto& p = profile[i];
    operations.add({p.source,
                    manifest.operations.at(i).variant,
                    {1e6 * p.seconds, 2},
                    {100 * p.seconds / sum, 1},
                    {p.flops / p.seconds / 1e9, 1},
                    {p.bytes / p.seconds / 1e9, 1},
                    {100 * roofline.seconds(p.flops, p.bytes) / p.seconds, 0}});
  }
  core::Table summary(
      {"threads", "median ms", "fastest ms", "runs", "GFLOP/s", "peak GFLOP/s", "memory GB/s"});
  summary.add({threads,
               1e3 * whole.median,
               1e3 * whole.min,
               whole.runs,
               {flops / whole.median / 1e9, 1},
               {roofline.flops / 1e9, 1},
               {roofline.bandwidth / 1e9, 1}});
  print(options, {{"operations", operations}, {"latency", summary}});
  if (!options.json && whole.median > kBusy * whole.min)
    std::cout << "\nThe machine is busy: half of the runs took much longer than the fastest.\n";
}

struct RunArguments {
  std::string directory;
  std::vector<std::string> inputs, outputs;  // x.npy or NAME=x.npy; out.npy for each output
};

size_t input_index(const std::vector<compile::CompiledModel::Port>& ports, const std::string& name) {
  std::vector<std::string> names;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
    names.push_back(ports[i].name);
  }
  throw InputError("the module has no input {}; its inputs are {}", name, fmt::join(names, ", "));
}

std::string list(const std::vector<compile::CompiledModel::Port>& ports) {
  std::vector<std::string> texts;
  for (const auto& port : ports) texts.push_back(port.name + " " + to_string(port.type));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::vector<torch::Tensor> read_inputs(const compile::CompiledModel& model,
                                       const std::vector<std::string>& files) {
  const auto& ports = model.inputs();
  std::vector<torch::Tensor> values(ports.size());
  size_t next = 0;
  for (const std::string& text : files) {
    const size_t equals = text.find('=');
    const bool named = equals != std::string::npos && !fs::exists(text);
    const size_t index = named ? input_index(ports, text.substr(0, equals)) : next++;
    if (index >= ports.size())
      throw InputError("the module takes {} inputs ({}), got {} files", ports.size(), list(ports),
                       files.size());
    values[index] = data::read_npy(named ? text.substr(equals + 1) : text);
  }
  for (size_t i = 0; i < ports.size(); ++i)
    if (!values[i].defined())
      throw InputError("no --input for {} ({})", ports[i].name, to_string(ports[i].type));
  return values;
}

void run(const Options& options, const RunArguments& arguments) {
  const fs::path directory = module_directory(arguments.directory);
  compile::read_manifest(directory);
  compile::CompiledModel model(directory, threads_or_one(options));
  if (!arguments.outputs.empty() && arguments.outputs.size() != model.outputs().size())
    throw InputError("the module has {} outputs ({}), got {} files with -o", model.outputs().size(),
                     list(model.outputs()), arguments.outputs.size());
  const auto outputs = model(read_inputs(model, arguments.inputs));
  core::Table table({"output", "type", "min", "max", "mean", "file"});
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!arguments.outputs.empty()) data::write_npy(arguments.outputs[i], outputs[i]);
    const torch::Tensor values = outputs[i].to(torch::kFloat64);
    table.add({model.outputs()[i].name, to_string(model.outputs()[i].type), values.min().item<double>(),
               values.max().item<double>(), values.mean().item<double>(),
               arguments.outputs.empty() ? "" : arguments.outputs[i]});
  }
  print(options, {{"outputs", table}});
}

}  // namespace

void add_compile_bench(CLI::App& compile, Options& options) {
  auto directory = std::make_shared<std::string>();
  CLI::App* verb =
      add_verb(compile, options, "bench", "How long a compiled module takes, and which operations",
               "lathe compile bench fashion-mnist.bundle --threads 1");
  verb->add_option("directory", *directory, "A compiled directory, or a bundle that has one")
      ->required()
      ->type_name("DIR");
  verb->callback([&options, directory] { bench(options, *directory); });
}

void add_compile_run(CLI::App& compile, Options& options) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* verb = add_verb(compile, options, "run", "Run a compiled module on arrays",
                            "lathe compile run fashion-mnist.bundle --input x.npy -o y.npy");
  verb->add_option("directory", arguments->directory, "A compiled directory, or a bundle that has one")
      ->required()
      ->type_name("DIR");
  verb->add_option("--input", arguments->inputs, "The inputs in their order, or by name")
      ->type_name("[NAME=]X.npy")
      ->allow_extra_args(false);
  verb->add_option("-o,--output", arguments->outputs, "A file for each output")
      ->type_name("OUT.npy")
      ->allow_extra_args(false);
  verb->callback([&options, arguments] { run(options, *arguments); });
}

}  // namespace lathe::cli
