#include <iostream>

#include "cli/compile.h"
#include "lathe/compile/manifest.h"
#include "lathe/compile/passes.h"
#include "lathe/compile/text.h"
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
};

std::string groups_text(const Graph& graph, const std::vector<compile::Group>& groups) {
  std::string text;
  for (const compile::Group& group : groups) {
    std::vector<std::string> names;
    for (int index : group.nodes) {
      const compile::Node& node = graph.nodes[static_cast<size_t>(index)];
      names.push_back(fmt::format("%{} {}", node.outputs.at(0), node.op));
    }
    text += fmt::format("{}\n", fmt::join(names, " + "));
  }
  return text;
}

// Every pass that changed the graph, with the graph after it.
std::vector<std::pair<std::string, std::string>> passes(Graph graph, const CodeArguments& code) {
  std::vector<std::pair<std::string, std::string>> texts = {{"as read", to_text(graph)}};
  const auto apply = [&](const char* name, const auto& pass) {
    Graph after = pass(graph);
    if (code.check_passes) compile::check_same(graph, after, name);
    const std::string text = to_text(after);
    texts.emplace_back(name, text == to_text(graph) ? "" : text);
    graph = std::move(after);
  };
  if (code.opt_level >= 1) {
    apply("fold_constants", compile::fold_constants);
    apply("fold_batch_norm", compile::fold_batch_norm);
    apply("simplify", compile::simplify);
    apply("eliminate_common", compile::eliminate_common);
    apply("eliminate_dead", compile::eliminate_dead);
    apply("optimize (all of them, until nothing changes)", compile::optimize);
  }
  const compile::Target target = compile::target(code.target);
  if (code.opt_level >= 3)
    apply("choose_layouts", [&](Graph g) { return compile::choose_layouts(std::move(g), target); });
  texts.emplace_back(
      "fuse (a line for each kernel)",
      groups_text(graph, code.opt_level >= 2 ? compile::fuse(graph) : compile::singletons(graph)));
  return texts;
}

void explain_passes(const Options& options, const ExplainArguments& arguments) {
  nlohmann::json json = nlohmann::json::array();
  for (const auto& [name, text] : passes(read_model(arguments.model), arguments.code)) {
    json.push_back({{"pass", name}, {"text", text}});
    if (!options.json) std::cout << fmt::format("== {}\n{}\n", name, text.empty() ? "nothing to do\n" : text);
  }
  if (options.json) std::cout << json.dump(1) << "\n";
}

void explain(const Options& options, const ExplainArguments& arguments) {
  if (arguments.passes) return explain_passes(options, arguments);
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
