#include "cli/compile.h"

#include <fmt/ranges.h>

#include <iostream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/interrupt.h"
#include "lathe/core/progress.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/bundle_data.h"
#include "lathe/pipeline/compile_stage.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

struct CompileArguments {
  ModelArguments model;
  CodeArguments code;
  QuantizeArguments quantize;
  std::string output;
};

// compile() replaces a directory: only one that it made, or an empty one.
void check_output(const fs::path& directory) {
  if (!fs::exists(directory) || fs::exists(directory / "plan.bin")) return;
  if (!fs::is_directory(directory) || !fs::is_empty(directory))
    throw InputError("{} exists and is not a compiled directory; name another with -o", directory.string());
}

// The bundle's stage: what its pipeline says, unless the command line says otherwise.
void compile_bundle(const Options& options, const CompileArguments& arguments, const CLI::App& verb) {
  if (!compile::has_code_generator())
    throw InputError("this build has no Halide; install libhalide14-0-dev and build again");
  auto bundle = pipeline::Bundle::open_for_writing(pipeline::Bundle::open(arguments.model.model).path());
  if (!bundle.has("model.pt"))
    throw InputError("{} has no model.pt; `lathe train` makes one", arguments.model.model);
  pipeline::CompileStageOptions stage;
  if (bundle.has("pipeline.toml"))
    stage = pipeline::pipeline_options(core::Config::load(bundle.file("pipeline.toml"), options.set)).compile;
  if (verb.count("--target") > 0) stage.target = arguments.code.target;
  if (verb.count("--opt") > 0) stage.opt_level = arguments.code.opt_level;
  if (verb.count("--measure") > 0) stage.measure = true;
  if (verb.count("--externals") > 0) stage.externals = arguments.code.externals;
  if (options.threads != "auto") stage.threads = std::stoi(options.threads);
  if (arguments.code.no_cache) stage.cache = false;
  stage.check_passes = arguments.code.check_passes;
  if (verb.count("--quantize") > 0) stage.quantize = arguments.quantize.quantize;
  if (verb.count("--calibration") > 0) stage.calibration = arguments.quantize.calibration;
  if (verb.count("--max-loss") > 0) stage.max_accuracy_drop = arguments.quantize.most_loss;
  compile::target(stage.target);

  const core::Seed seed(options.seed.value_or(0));
  pipeline::CompileData data;
  if (stage.quantize == "int8")
    data = pipeline::compile_data(pipeline::bundle_splits(bundle, options.set));
  else
    data.examples = pipeline::made_up_inputs(nn::load(bundle.file("model.pt"))->schema(), 8, seed);
  const auto staged = bundle.stage_directory("compile");
  const auto started = std::chrono::steady_clock::now();
  pipeline::StageReport report = pipeline::compile_model(bundle.file("model.pt"), staged->path(), stage, data,
                                                         core::process_stop_token(), seed);
  if (report.details.contains("skipped"))
    throw InputError("{}", report.details.at("skipped").get<std::string>());
  report.stage = "compile";
  report.inputs_hash = "lathe compile";  // not that of a pipeline: `lathe run` does the stage again
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  bundle.commit(*staged, report);
  core::Table metrics({"metric", "value", "unit"});
  for (const auto& m : report.metrics) metrics.add({m.name, m.value, m.unit});
  print(options, {{"metrics", metrics}});
  if (!options.json) std::cout << fmt::format("\nCompiled: {}\n", bundle.file("compiled").string());
}

void compile_model(const Options& options, const CompileArguments& arguments, const CLI::App& verb) {
  const fs::path model = arguments.model.model;
  if (fs::is_directory(model) && arguments.output.empty()) return compile_bundle(options, arguments, verb);
  const fs::path output =
      arguments.output.empty() ? fs::path(model.stem().string() + ".compiled") : fs::path(arguments.output);
  compile::target(arguments.code.target);
  check_output(output);
  const compile::Graph graph = quantized(read_model(arguments.model), arguments.quantize, options.json);
  const auto report = compile_graph(graph, output, arguments.code, threads_or_one(options));
  if (options.json) {
    const nlohmann::json json = {{"directory", output.string()},
                                 {"target", compile::target(arguments.code.target).name},
                                 {"kernels", report.num_kernels},
                                 {"found_kernels", report.num_found},
                                 {"operations", report.num_operations},
                                 {"external_operations", report.num_external},
                                 {"externals", report.externals},
                                 {"arena_bytes", report.arena_bytes},
                                 {"arena_lower_bound", report.arena_lower_bound},
                                 {"parameter_bytes", report.parameter_bytes},
                                 {"seconds", report.seconds},
                                 {"measure_seconds", report.measure_seconds}};
    std::cout << json.dump(1) << "\n";
    return;
  }
  const auto bytes = [](int64_t count) { return core::human_bytes(static_cast<uint64_t>(count)); };
  const std::string externals =
      report.externals.empty()
          ? ""
          : fmt::format(", {} of them by {}", report.num_external, fmt::join(report.externals, ", "));
  std::cout << fmt::format(
      "{}: {} nodes became {} operations of {} kernels{}; parameters {}, arena {} (at least {}); {}\n",
      output.string(), graph.nodes.size(), report.num_operations, report.num_kernels, externals,
      bytes(report.parameter_bytes), bytes(report.arena_bytes), bytes(report.arena_lower_bound),
      core::human_seconds(report.seconds));
}

}  // namespace

void add_compile(CLI::App& app, Options& options) {
  auto arguments = std::make_shared<CompileArguments>();
  CLI::App* verb =
      add_verb(app, options, "compile", "Make native code of a trained model, to be run without libtorch",
               "lathe compile fashion-mnist.bundle\n"
               "  lathe compile net.pt --input f32:1,3,224,224 -o net.compiled\n"
               "  lathe compile net.onnx --dimension batch=1 --measure\n"
               "  lathe compile net.onnx --quantize int8 --calibrate examples.npy");
  verb->add_option("model", arguments->model.model,
                   "A bundle (its compiled/ is written), a TorchScript .pt, an ONNX file, or a graph's text "
                   "(.txt, .graph)");
  verb->add_option("-o,--output", arguments->output,
                   "Where to (default: compiled/ of a bundle, NAME.compiled)")
      ->type_name("DIR");
  add_model_options(verb, arguments->model);
  add_code_options(verb, arguments->code);
  add_quantize_options(verb, arguments->quantize);
  add_compile_explain(*verb, options);
  add_compile_verify(*verb, options);
  add_compile_bench(*verb, options);
  add_compile_run(*verb, options);
  add_compile_tables(*verb, options);
  verb->callback([&options, arguments, verb] {
    if (!verb->get_subcommands().empty()) return;  // a method did it
    if (arguments->model.model.empty()) throw CLI::RequiredError("model");
    compile_model(options, *arguments, *verb);
  });
}

}  // namespace lathe::cli
