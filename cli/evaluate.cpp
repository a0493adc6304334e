#include <iostream>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/evaluate/calibration.h"
#include "lathe/evaluate/classification.h"
#include "lathe/evaluate/logits_file.h"

namespace lathe::cli {
namespace {

struct EvaluateArguments {
  std::string operand, labels;
  int64_t top_k = 5;
};

core::Table bundle_metrics(const pipeline::Bundle& bundle) {
  const auto report = bundle.stage("evaluate");
  if (!report) throw InputError("{} has not been evaluated; `lathe run` does it", bundle.path().string());
  core::Table table({"metric", "split", "value", "unit"});
  for (const auto& m : report->metrics) table.add({m.name, m.split, m.value, m.unit});
  return table;
}

core::Table file_metrics(const EvaluateArguments& arguments) {
  const auto file = evaluate::read_logits(
      arguments.operand,
      arguments.labels.empty() ? std::nullopt : std::optional<std::filesystem::path>(arguments.labels));
  if (!file.targets.defined())
    throw InputError("{} has no labels; name them with --labels FILE", arguments.operand);
  const auto m = evaluate::classification_metrics(file.logits, file.targets, {.top_k = arguments.top_k});
  core::Table table({"metric", "value"});
  table.add({"examples", m.num_examples}).add({"accuracy", m.accuracy});
  if (arguments.top_k > 1 && arguments.top_k < file.logits.size(1))
    table.add({fmt::format("top{}_accuracy", arguments.top_k), m.top_k});
  table.add({"nll", m.nll}).add({"brier", m.brier});
  return table;
}

void evaluate_operand(const Options& options, const EvaluateArguments& arguments) {
  const bool bundle = std::filesystem::is_directory(arguments.operand);
  print(options, {{"metrics", bundle ? bundle_metrics(pipeline::Bundle::open(arguments.operand))
                                     : file_metrics(arguments)}});
}

}  // namespace

void add_evaluate(CLI::App& app, Options& options) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* verb =
      add_verb(app, options, "evaluate", "The metrics of a bundle, or of a file of logits from any framework",
               "lathe evaluate logits.npy --labels labels.npy");
  verb->add_option("operand", arguments->operand,
                   "A bundle, or logits as .npy [N, K] or CSV (one column a class)");
  verb->add_option("--labels", arguments->labels, "Labels: .npy [N], or CSV with a column `label`");
  verb->add_option("--top-k", arguments->top_k, "k of the top-k accuracy")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_sharpness(*verb, options);
  add_conformal(*verb, options);
  add_checklist(*verb, options);
  add_active(*verb, options);
  add_subjective(*verb, options);
  add_opinion(*verb, options);
  add_subspace(*verb, options);
  verb->callback([&options, arguments, verb] {
    if (!verb->get_subcommands().empty()) return;  // a method did it
    if (arguments->operand.empty()) throw CLI::RequiredError("operand");
    evaluate_operand(options, *arguments);
  });
}

}  // namespace lathe::cli
