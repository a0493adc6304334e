#include <iostream>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/inspect.h"
#include "lathe/data/opinions.h"
#include "lathe/evaluate/votes.h"

namespace lathe::cli {
namespace {

void check(const Options& options, const std::string& file) {
  const auto config = load_config(options, file);
  const auto pipeline = pipeline::pipeline_options(config);
  auto source_options = pipeline.source_options;
  source_options.skip_unreadable = true;  // report them all instead of stopping at the first
  const auto inspection = data::inspect(data::load_source(pipeline.source, source_options));
  core::Table warnings({"warning"});
  for (const auto& warning : inspection.warnings) warnings.add({warning});
  std::vector<NamedTable> tables = {{"summary", inspection.summary}, {"classes", inspection.classes}};
  if (inspection.columns.size() > 0) tables.push_back({"columns", inspection.columns});
  if (warnings.size() > 0 || options.json) tables.push_back({"warnings", warnings});
  print(options, tables);
}

struct OpinionArguments {
  std::string output, kind = "texts";
  std::string training;  // a file for majority labels of some items
  double training_share = 0.5;
  data::OpinionOptions opinions;
};

// text,label: what a conventional classifier is trained on.
std::string majority_csv(const data::Annotations& table) {
  if (table.texts.empty()) throw InputError("--training takes texts: --kind texts");
  const std::vector<int32_t> majority = evaluate::majority(evaluate::count_votes(table));
  core::Table labels({"text", "label"});
  for (size_t i = 0; i < majority.size(); ++i)
    labels.add({table.texts[i], table.scale.classes[static_cast<size_t>(majority[i])]});
  return labels.to_csv();
}

void write_opinions(const Options& options, const OpinionArguments& arguments) {
  data::OpinionOptions opinions = arguments.opinions;
  opinions.items = arguments.kind == "features" ? data::OpinionItems::features : data::OpinionItems::texts;
  const core::Seed seed = core::Seed(options.seed.value_or(0)).stream("opinions");
  data::Annotations table = data::generate_opinions(opinions, seed).annotations;
  if (!arguments.training.empty()) {
    const data::AnnotationSplit parts =
        data::split(table, data::SplitBy::item, 1 - arguments.training_share, seed.stream("training"));
    std::filesystem::create_directories(arguments.output);
    core::write_file(arguments.training, majority_csv(data::occurring(data::select(table, parts.train))));
    table = data::occurring(data::select(table, parts.test));
  }
  data::write_annotations(table, arguments.output);
  core::Table summary({"items", "annotators", "annotations", "directory"});
  summary.add({table.num_items(), table.num_annotators(), table.size(), arguments.output});
  print(options, {{"opinions", summary}});
}

void add_opinions(CLI::App& data, Options& options) {
  auto arguments = std::make_shared<OpinionArguments>();
  data::OpinionOptions& opinions = arguments->opinions;
  CLI::App* verb =
      add_verb(data, options, "opinions",
               "Writes made-up opinions of people who differ (annotations.csv, items.csv, annotators.csv)",
               "lathe data opinions opinions --items 1000");
  verb->add_option("directory", arguments->output, "Where the files go")->required();
  verb->add_option("--kind", arguments->kind, "texts (definitions of WordNet) or features (numbers)")
      ->check(CLI::IsMember({"texts", "features"}))
      ->capture_default_str();
  verb->add_option("--items", opinions.num_items)->capture_default_str();
  verb->add_option("--people", opinions.num_annotators)->capture_default_str();
  verb->add_option("--per-item", opinions.annotations_per_item, "Annotations of each item")
      ->capture_default_str();
  verb->add_option("--groups", opinions.groups, "Shares of the groups")
      ->delimiter(',')
      ->capture_default_str();
  verb->add_option("--group-strength", opinions.group_strength, "How far groups differ")
      ->capture_default_str();
  verb->add_option("--person-strength", opinions.person_strength, "How far people differ")
      ->capture_default_str();
  verb->add_option("--noise-people", opinions.noise_people, "Share who answer at random")
      ->capture_default_str();
  verb->add_option("--unknown", opinions.unknown_attributes, "Share of whom nothing is known")
      ->capture_default_str();
  verb->add_option("--repeats", opinions.repeat_rate, "Share of annotations asked for twice")
      ->capture_default_str();
  verb->add_option("--training", arguments->training,
                   "A CSV file of text and majority label of some items, whose annotations are left out");
  verb->add_option("--training-share", arguments->training_share, "Of the items")->capture_default_str();
  verb->callback([&options, arguments] { write_opinions(options, *arguments); });
}

}  // namespace

void add_data(CLI::App& app, Options& options) {
  CLI::App* data = app.add_subcommand("data", "Look at a pipeline's data; make up opinions");
  data->require_subcommand(1);
  data->footer("Example:\n  lathe data check examples/fashion_mnist.toml");
  auto file = std::make_shared<std::string>();
  CLI::App* verb = add_verb(*data, options, "check", "What is in it, and what looks wrong",
                            "lathe data check examples/fashion_mnist.toml");
  verb->add_option("pipeline", *file, "The pipeline file (TOML)")->required()->type_name("P.toml");
  verb->callback([&options, file] { check(options, *file); });
  add_opinions(*data, options);
}

}  // namespace lathe::cli
