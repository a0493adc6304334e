#include "lathe/pipeline/compile_stage.h"

#include <torch/torch.h>

#include <iostream>

#include "lathe/compile/compile.h"
#include "lathe/compile/compiled_model.h"
#include "lathe/compile/import_torch.h"
#include "lathe/compile/kernel_cache.h"
#include "lathe/compile/manifest.h"
#include "lathe/compile/verify.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/data/text_encoding.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/quantize_classifier.h"
#include "lathe/pipeline/stages.h"
#include "lathe/train/threads.h"

namespace lathe::pipeline {
namespace {

constexpr double kLargestError = 1e-4;         // relative to the largest output
constexpr double kLargestRounding = 0.05;      // of int8: a sum in another order may round to the next byte
constexpr int64_t kExamples = 8;               // to compare on
constexpr int kVariants = 8;                   // of a kernel, to measure
constexpr int kBlocks = 30, kLeastBlocks = 5;  // of a timing
constexpr double kBlockSeconds = 2e-3, kTimingSeconds = 2;
constexpr int kWarmRuns = 4, kProfileRuns = 20;

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Median seconds of each of two pieces of work, in turn, so that a busy machine slows both.
std::pair<double, double> compare_times(const std::function<void()>& first,
                                        const std::function<void()>& second) {
  const std::function<void()>* works[] = {&first, &second};
  int repeats[2];
  std::vector<double> times[2];
  for (int w = 0; w < 2; ++w) {
    double seconds = seconds_of(*works[w]);
    for (int warm = 0; warm < kWarmRuns; ++warm) seconds = std::min(seconds, seconds_of(*works[w]));
    repeats[w] = static_cast<int>(std::clamp(kBlockSeconds / std::max(1e-7, seconds), 1.0, 1000.0));
  }
  double spent = 0;
  for (int block = 0; block < kBlocks && (block < kLeastBlocks || spent < kTimingSeconds); ++block)
    for (int w = 0; w < 2; ++w) {
      const double seconds = seconds_of([&] {
        for (int i = 0; i < repeats[w]; ++i) (*works[w])();
      });
      times[w].push_back(seconds / repeats[w]);
      spent += seconds;
    }
  return {median(times[0]), median(times[1])};
}

// Outputs for each example by the graph.
torch::Tensor reference_outputs(const compile::Graph& graph, const torch::Tensor& examples,
                                compile::Precision precision) {
  std::vector<torch::Tensor> outputs;
  for (int64_t i = 0; i < examples.size(0); ++i)
    outputs.push_back(compile::evaluate(graph, {examples.slice(0, i, i + 1)}, precision).at(0));
  return torch::cat(outputs);
}

torch::Tensor run_each(compile::CompiledModel& model, const torch::Tensor& inputs) {
  std::vector<torch::Tensor> outputs;
  for (int64_t i = 0; i < inputs.size(0); ++i) outputs.push_back(model({inputs.slice(0, i, i + 1)}).at(0));
  return torch::cat(outputs);
}

nlohmann::json operations_json(const std::vector<compile::OperationProfile>& profile,
                               const compile::Manifest& manifest) {
  nlohmann::json json = nlohmann::json::array();
  for (size_t i = 0; i < profile.size(); ++i)
    json.push_back({{"source", profile[i].source},
                    {"variant", manifest.operations.at(i).variant},
                    {"milliseconds", 1e3 * profile[i].seconds},
                    {"gflops", profile[i].flops / profile[i].seconds / 1e9},
                    {"gbytes", profile[i].bytes / profile[i].seconds / 1e9}});
  return json;
}

StageReport skipped(const std::string& reason) {
  const std::string line = reason.substr(0, reason.find('\n'));
  if (!core::Progress::quiet()) std::cerr << "compile: skipped: " << line << "\n";
  StageReport report;
  report.details = {{"skipped", line}};
  return report;
}

// Threads of libtorch while it lives.
class ComputeThreads {
 public:
  explicit ComputeThreads(int threads) { train::set_compute_threads(threads); }
  ~ComputeThreads() { train::set_compute_threads(before_); }
  ComputeThreads(const ComputeThreads&) = delete;
  ComputeThreads& operator=(const ComputeThreads&) = delete;

 private:
  int before_ = train::compute_threads();
};

// Compares and times what was compiled.
void measure(const std::filesystem::path& directory, const compile::Graph& graph, nn::Classifier& model,
             const CompileStageOptions& options, const CompileData& data, StageReport& report) {
  const bool bytes = options.quantize == "int8";
  const torch::Tensor examples = data.examples.slice(0, 0, kExamples);
  const int threads = static_cast<int>(options.threads);
  const torch::NoGradGuard no_gradients;
  const ComputeThreads compute_threads(threads);
  compile::CompiledModel compiled(directory, threads);
  const torch::Tensor outputs = run_each(compiled, examples);
  const double error = compile::relative_error(
      outputs, reference_outputs(graph, examples, bytes ? compile::Precision::f32 : compile::Precision::f64));
  const double largest = bytes ? kLargestRounding : kLargestError;
  if (!(error <= largest))
    throw Error(
        "the compiled model's outputs differ from the model's by {:.2g} of the largest, more than {:g}; "
        "`lathe compile verify` finds the operation, compile.enabled = false goes on without",
        error, largest);
  const double libtorch_error = compile::relative_error(outputs, nn::predict(model, examples));
  if (!bytes && !(libtorch_error <= 10 * kLargestError))
    throw Error(
        "the compiled model's outputs differ from libtorch's by {:.2g} of the largest, more than {:g}",
        libtorch_error, 10 * kLargestError);

  const nn::EvaluationMode evaluation(model);
  const torch::Tensor one = examples.slice(0, 0, 1);
  const auto [compiled_seconds, libtorch_seconds] =
      compare_times([&] { compiled({one}); }, [&] { model.forward(one); });
  report.metrics.push_back({"compiled_latency", "", 1e3 * compiled_seconds, "ms"});
  report.metrics.push_back({"libtorch_latency", "", 1e3 * libtorch_seconds, "ms"});
  report.metrics.push_back({"speedup", "", libtorch_seconds / compiled_seconds, ""});
  report.metrics.push_back({"compiled_max_error", "", error, ""});
  if (bytes) {
    const auto& int8 = report.details.at("int8");
    report.metrics.push_back({"int8_share", "", int8.at("share").get<double>(), ""});
    report.metrics.push_back({"int8_accuracy_drop", "", int8.at("loss").get<double>(), ""});
  }
  report.details["operations"] =
      operations_json(compiled.profile(kProfileRuns), compile::read_manifest(directory));
}

}  // namespace

torch::Tensor made_up_inputs(const data::Schema& schema, int64_t count, core::Seed seed) {
  std::vector<int64_t> shape = {count};
  shape.insert(shape.end(), schema.shape.begin(), schema.shape.end());
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed.value());
  if (schema.text())
    return torch::randint(0, schema.encoding->num_tokens(), shape, generator, torch::dtype(torch::kInt64));
  if (!schema.table()) return torch::randint(0, 256, shape, generator, torch::dtype(torch::kUInt8));
  torch::Tensor rows = torch::randn(shape, generator);
  for (size_t c = 0; c < schema.columns.size(); ++c)
    if (const auto values = static_cast<int64_t>(schema.columns[c].values.size()))
      rows.select(1, static_cast<int64_t>(c)).copy_(torch::randint(0, values, {count}, generator));
  return rows;
}

StageReport compile_model(const std::filesystem::path& file, const std::filesystem::path& staged,
                          const CompileStageOptions& options, const CompileData& data,
                          const core::StopToken& stop, core::Seed seed) {
  if (!compile::has_code_generator())
    return skipped("this build has no Halide; install libhalide14-0-dev and build again");
  const compile::Target target = compile::target(options.target);
  compile::CompileReport compiled;
  compile::Graph graph;
  StageReport report;
  core::Progress progress("compile", 100, "%");
  try {
    compile::linker();  // before the work
    graph = compile::import_torchscript(file);
    if (options.quantize == "int8") {
      const compile::Quantized quantized = quantize_classifier(graph, data, options, stop, seed);
      graph = quantized.graph;
      report.details["int8"] = to_json(quantized);
    }
    compiled = compile::compile(graph, staged / "compiled",
                                {.target = target,
                                 .opt_level = static_cast<int>(options.opt_level),
                                 .check_passes = options.check_passes,
                                 .variants = options.measure ? kVariants : 1,
                                 .measure_threads = static_cast<int>(options.threads),
                                 .externals = compile::externals_of(options.externals),
                                 .cache = options.cache ? compile::kernel_cache_directory() : "",
                                 .progress = [&](const std::string& what, double fraction) {
                                   stop.check("compiling the model");
                                   progress.update(static_cast<int64_t>(100 * fraction), what);
                                 }});
  } catch (const compile::NoLinker& error) {
    StageReport report = skipped(error.what());
    report.details["retry"] = true;  // the next run may find one
    return report;
  } catch (const InputError& error) {
    return skipped(error.what());
  }
  report.metrics = {{"compile_time", "", compiled.seconds, "s"},
                    {"arena_bytes", "", static_cast<double>(compiled.arena_bytes), "bytes"},
                    {"arena_lower_bound", "", static_cast<double>(compiled.arena_lower_bound), "bytes"},
                    {"num_kernels", "", static_cast<double>(compiled.num_kernels), ""}};
  report.details.update({{"target", target.name},
                         {"threads", options.threads},
                         {"parameter_bytes", compiled.parameter_bytes},
                         {"num_operations", compiled.num_operations},
                         {"num_external", compiled.num_external},
                         {"externals", compiled.externals}});
  if (compile::runs_here(target)) {
    const auto model = nn::load(file);
    measure(staged / "compiled", graph, *model, options, data, report);
  }
  progress.update(100);
  progress.finish(fmt::format("{} kernels", compiled.num_kernels));
  return report;
}

StageReport run_compile(const StageContext& context) {
  const CompileStageOptions& options = context.job.options().compile;
  if (!options.enabled) {
    StageReport report;
    report.details = {{"skipped", "compile.enabled is false"}};
    return report;
  }
  return compile_model(context.job.bundle().file("model.pt"), context.staged, options,
                       compile_data(context.job.splits()), context.job.stop(),
                       core::Seed(context.job.options().seed).stream("compile"));
}

torch::Tensor compiled_predict(const std::filesystem::path& directory, const torch::Tensor& inputs,
                               int threads) {
  compile::CompiledModel model(directory, threads);
  return run_each(model, inputs);
}

}  // namespace lathe::pipeline
