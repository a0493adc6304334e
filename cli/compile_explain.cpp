#include <iostream>

#include "cli/compile.h"
#include "lathe/compile/explain.h"
#include "lathe/compile/manifest.h"
#include "lathe/compile/verify.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;
using compile::Graph;

struct ExplainArguments {
  ModelArguments model;
  CodeArguments code;
  bool passes = false;
  std::string output;
};

void explain_passes(const Options& options, const ExplainArguments& arguments) {
  const Graph graph = read_model(arguments.model);
  const auto passes = compile::explain_passes(graph, {.target = compile::target(arguments.code.target),
                                                      .opt_level = arguments.code.opt_level,
                                                      .check_passes = arguments.code.check_passes});
  if (!arguments.output.empty()) {
    const std::string command = fmt::format("lathe compile explain {} --passes --target {} --output {}",
                                            arguments.model.model, arguments.code.target, arguments.output);
    return core::write_file(arguments.output, compile::passes_page(graph.name, passes, command));
  }
  nlohmann::json json = nlohmann::json::array();
  for (const auto& [name, about, text] : passes) {
    json.push_back({{"pass", name}, {"about", about}, {"text", text}});
    if (!options.json)
      std::cout << fmt::format("== {}\n{}\n\n{}\n", name, about, text.empty() ? "nothing to do\n" : text);
  }
  if (options.json) std::cout << json.dump(1) << "\n";
}

void explain(const Options& options, const ExplainArguments& arguments) {
  if (arguments.passes) return explain_passes(options, arguments);
  if (!arguments.output.empty()) throw InputError("--output is for the page that --passes writes");
  fs::path directory = arguments.model.model;
  std::optional<core::TemporaryDirectory> made;
  if (fs::exists(directory / "stages")) {
    if (!fs::exists(directory / "compiled"))
      throw InputError("{} has no compiled/; `lathe compile {}` makes it", directory.string(),
                       directory.string());
    directory /= "compiled";
  } else if (!fs::is_directory(directory)) {
    const Graph graph = read_model(arguments.model);
    made.emplace("lathe-explain-");
    directory = made->path() / "module";
    compile_graph(graph, directory, arguments.code, threads_or_one(options));
  }
  const compile::Manifest manifest = compile::read_manifest(directory);
  print(options, {{"operations", operations_table(manifest)}, {"module", summary_table(manifest)}});
}

struct VerifyArguments {
  ModelArguments model;
  std::string directory;
  int trials = 3;
  double tolerance = 1e-4;
};

nlohmann::json to_json(const compile::TensorStatistics& s) {
  return {{"elements", s.numel}, {"nan", s.num_nan}, {"infinite", s.num_infinite}, {"min", s.min},
          {"max", s.max},        {"mean", s.mean},   {"deviation", s.deviation}};
}

void add_statistics(core::Table& table, const std::string& name, const compile::TensorStatistics& s) {
  table.add({name, s.numel, s.num_nan, s.num_infinite, s.min, s.max, s.mean, s.deviation});
}

core::Table statistics_table() {
  return core::Table({"tensor", "elements", "NaN", "infinite", "min", "max", "mean", "deviation"});
}

nlohmann::json to_json(const compile::VerifyReport& report) {
  nlohmann::json json = {{"agrees", report.agrees}, {"outputs", nlohmann::json::array()}};
  for (const auto& output : report.outputs)
    json["outputs"].push_back({{"name", output.name}, {"error", output.error}});
  if (!report.not_finite.empty()) json["not_finite"] = report.not_finite;
  if (report.first)
    json["first"] = {{"operation", report.first->operation},
                     {"source", report.first->source},
                     {"variant", report.first->variant},
                     {"error", report.first->error},
                     {"compiled", to_json(report.first->compiled)},
                     {"reference", to_json(report.first->reference)}};
  return json;
}

void print_report(const compile::VerifyReport& report) {
  core::Table outputs({"output", "largest error"});
  for (const auto& output : report.outputs) outputs.add({output.name, output.error});
  std::cout << outputs.to_text();
  if (report.agrees) return;
  core::Table table = statistics_table();
  for (size_t i = 0; i < report.compiled.size(); ++i) {
    add_statistics(table, report.outputs[i].name + ", compiled", report.compiled[i]);
    add_statistics(table, report.outputs[i].name + ", reference", report.reference[i]);
  }
  if (report.first) {
    add_statistics(table, "first, compiled", report.first->compiled);
    add_statistics(table, "first, reference", report.first->reference);
  }
  std::cout << "\n" << table.to_text();
  if (!report.not_finite.empty())
    std::cout << "\nThe model itself gives NaN or infinity, in double precision: first at "
              << report.not_finite << "\n";
  if (report.first)
    std::cout << fmt::format("\nFirst to diverge: operation {} ({}), which computes\n  {}\n",
                             report.first->operation, report.first->variant, report.first->source);
}

void verify(const Options& options, const VerifyArguments& arguments) {
  compile::read_manifest(arguments.directory);
  const Graph graph = read_model(arguments.model);
  const auto report = compile::verify(graph, arguments.directory,
                                      {.trials = arguments.trials,
                                       .tolerance = arguments.tolerance,
                                       .seed = core::Seed(options.seed.value_or(0)),
                                       .threads = threads_or_one(options)});
  if (options.json)
    std::cout << to_json(report).dump(1) << "\n";
  else
    print_report(report);
  std::cout.flush();
  if (report.agrees) return;
  throw Error("{}", report.first
                        ? fmt::format("compiled code diverges first at {} (error {:.2g})",
                                      report.first->source, report.first->error)
                        : fmt::format("outputs diverge; none of the {} operations that can be compared does",
                                      report.num_compared));
}

}  // namespace

void add_compile_explain(CLI::App& compile, Options& options) {
  auto arguments = std::make_shared<ExplainArguments>();
  CLI::App* verb =
      add_verb(compile, options, "explain", "The operations of a compiled module, or a model's passes",
               "lathe compile explain fashion-mnist.bundle\n"
               "  lathe compile explain fashion-mnist.bundle --passes");
  verb->add_option("model", arguments->model.model,
                   "A compiled directory, or a model as `lathe compile` takes it")
      ->required();
  verb->add_flag("--passes", arguments->passes, "The model's graph after every pass");
  verb->add_option("-o,--output", arguments->output, "With --passes: a page in Markdown")->type_name("FILE");
  add_model_options(verb, arguments->model);
  add_code_options(verb, arguments->code);
  verb->callback([&options, arguments] { explain(options, *arguments); });
}

void add_compile_verify(CLI::App& compile, Options& options) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* verb = add_verb(compile, options, "verify",
                            "Compare a compiled module with its model, layer by layer where they differ",
                            "lathe compile verify fashion-mnist.bundle fashion-mnist.bundle/compiled");
  verb->add_option("model", arguments->model.model, "The model")->required();
  verb->add_option("directory", arguments->directory, "What it was compiled to")
      ->required()
      ->type_name("DIR");
  verb->add_option("--trials", arguments->trials, "Random inputs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--tolerance", arguments->tolerance,
                   "Largest error, relative to the largest value of a tensor")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_model_options(verb, arguments->model);
  verb->callback([&options, arguments] { verify(options, *arguments); });
}

}  // namespace lathe::cli
