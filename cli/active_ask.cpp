#include <iostream>

#include "cli/active.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/active/asking.h"

namespace lathe::cli {
namespace {

namespace active = evaluate::active;

struct NextArguments {
  std::string pool, state = "active.jsonl", logits, probabilities, output;
  bool advise = false;
  ActiveArguments how;
};

struct Source {
  active::Pool pool;
  std::optional<data::Dataset> examples;  // of a bundle
};

Source read_source(const Options& options, const NextArguments& arguments, active::ActiveOptions& how) {
  if (std::filesystem::is_directory(arguments.pool)) {
    BundlePool bundle = bundle_pool(options, arguments.pool, how);
    return {std::move(bundle.pool), std::move(bundle.examples)};
  }
  Source source{active::read_pool(arguments.pool), std::nullopt};
  if (!arguments.logits.empty() && !arguments.probabilities.empty())
    throw InputError("--logits and --probabilities are the same thing twice");
  if (!arguments.logits.empty())
    source.pool = active::with_outputs(std::move(source.pool), arguments.logits, active::Outputs::kLogits);
  if (!arguments.probabilities.empty())
    source.pool = active::with_outputs(std::move(source.pool), arguments.probabilities,
                                       active::Outputs::kProbabilities);
  // Scores of the file are meant where it has them and nobody says otherwise.
  if (!arguments.how.acquisition && !source.pool.scores.empty())
    how.acquisition = active::Acquisition::kGiven;
  return source;
}

// What a person needs in order to label: never what the model thinks.
core::Table questions(const active::State& state, const std::optional<data::Dataset>& examples) {
  std::vector<std::string> columns = {"id"};
  if (examples && !examples->texts.empty())
    columns.insert(columns.end(), examples->schema.fields.begin(), examples->schema.fields.end());
  columns.push_back("label");
  core::Table table(columns);
  for (const active::Asked& asked : state.steps) {
    if (asked.answer) continue;
    std::vector<core::Cell> row = {asked.id};
    if (examples)
      for (const auto& field : examples->texts) row.push_back(field.at(static_cast<size_t>(asked.index)));
    row.push_back("");
    table.add(std::move(row));
  }
  return table;
}

core::Table advice(const active::Pool& pool, const active::ActiveOptions& how) {
  const std::vector<double> scores = scores_of(pool, how);
  core::Table table(
      {"floor", "largest weight", "variance if scores are useless", "variance if they are exact", ""});
  const auto add = [&](const active::FloorAdvice& a, const std::string& remark) {
    table.add({a.floor, a.largest_weight, a.if_useless, a.if_exact, remark});
  };
  active::ProposalOptions proposal = how.proposal;
  for (double floor : {0.0, 0.05, 0.1, 0.2, 0.5, 1.0}) {
    proposal.floor = floor;
    add(measure_floor(scores, proposal), floor == 1 ? "uniform draws" : "");
  }
  add(advise_floor(scores, proposal),
      "advised: useless scores cost at most twice the variance of uniform draws");
  return table;
}

void next(const Options& options, const NextArguments& arguments) {
  const bool begun =
      std::filesystem::exists(arguments.state) && std::filesystem::file_size(arguments.state) > 0;
  active::ActiveOptions defaults =
      begun ? active::read_state(arguments.state).options : active::ActiveOptions();
  active::ActiveOptions how = active_options(options, arguments.how, defaults);
  const Source source = read_source(options, arguments, how);
  if (arguments.advise) return print(options, {{"floors", advice(source.pool, how)}});
  const active::Asking asking = active::ask(arguments.state, source.pool, how);
  if (asking.num_floored > 0)
    std::cerr << fmt::format(
        "lathe: warning: {} points have practically no chance to be drawn; --floor 0.1 gives them one\n",
        asking.num_floored);
  const core::Table table = questions(asking.state, source.examples);
  if (!arguments.output.empty()) core::write_file(arguments.output, table.to_csv());
  core::Table shown({"step", "id"});
  for (size_t i = 0; i < asking.state.steps.size(); ++i)
    if (!asking.state.steps[i].answer) shown.add({static_cast<int64_t>(i) + 1, asking.state.steps[i].id});
  if (shown.size() == 0)
    std::cerr << fmt::format("lathe: all {} labels of the budget are there; --budget asks for more\n",
                             asking.state.steps.size());
  print(options, {{"ids", shown}});
}

}  // namespace

void add_active_ask(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<NextArguments>();
  CLI::App* verb = add_verb(
      parent, options, "next",
      "Says which points to label next, and keeps why in the test's file, so that a person can label "
      "over weeks. Asks for the same ids until they are answered",
      "lathe evaluate active next pool.csv --state test.jsonl --batch 5");
  verb->add_option(
          "pool", arguments->pool,
          "CSV with a column `id`, and `score` or `prediction` where there are; or a bundle: its test "
          "examples")
      ->required();
  verb->add_option("--state", arguments->state, "The test's file; it begins a test where there is none")
      ->capture_default_str();
  verb->add_option("--batch", arguments->how.batch, "Labels to wait for at a time; default 10");
  verb->add_option("--logits", arguments->logits,
                   "The model's logits for the pool: .npy [N, C] or [members, N, C], or CSV");
  verb->add_option("--probabilities", arguments->probabilities, "Or its probabilities");
  verb->add_option("--output", arguments->output, "Also write a CSV to fill in: id, texts of a bundle, label")
      ->type_name("ASK.csv");
  verb->add_flag("--advise", arguments->advise, "Only say what floors would do to weights and variance");
  add_active_options(*verb, arguments->how);
  verb->callback([&options, arguments] { next(options, *arguments); });
}

}  // namespace lathe::cli
