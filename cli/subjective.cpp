#include "cli/subjective.h"

#include <ctime>
#include <iostream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/parallel.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/subjective/drift.h"
#include "lathe/evaluate/subjective/stats.h"

namespace lathe::cli {
namespace {

namespace subjective = evaluate::subjective;

struct InitArguments {
  std::string file, title;
};

void add_init_specification(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<InitArguments>();
  CLI::App* verb = add_verb(parent, options, "init",
                            "Writes a specification to begin with: eight sections of questions to answer",
                            "lathe evaluate subjective init opinions.toml");
  verb->add_option("file", arguments->file, "A .toml file that is not there yet")->required();
  verb->add_option("--title", arguments->title, "What is to be labelled (default: the file's name)");
  verb->callback([arguments] {
    if (std::filesystem::exists(arguments->file))
      throw InputError("{} is there already; choose another name", arguments->file);
    if (data::lower_extension(arguments->file) != ".toml")
      throw InputError("a specification is a .toml file, got {}", arguments->file);
    const std::string title =
        arguments->title.empty() ? std::filesystem::path(arguments->file).stem().string() : arguments->title;
    core::write_file(arguments->file, subjective::new_specification(title));
  });
}

struct StatsArguments {
  AnnotationArguments annotations;
  subjective::StatsOptions stats;
  std::string before, items;
};

void print_stats(const Options& options, StatsArguments arguments) {
  if (options.threads != "auto") core::set_num_threads(std::stoi(options.threads));
  arguments.stats.bootstrap.seed = core::Seed(options.seed.value_or(0));
  const data::Annotations annotations = open_annotations(arguments.annotations);
  const subjective::Stats stats = subjective::stats(annotations, arguments.stats);
  std::vector<subjective::Change> changes;
  if (!arguments.before.empty()) {
    AnnotationArguments before = arguments.annotations;
    before.annotations = arguments.before;
    before.items.clear();
    before.annotators.clear();
    if (before.classes.empty()) before.classes = annotations.scale.classes;
    changes =
        subjective::drift(open_annotations(before), annotations,
                          {.attributes = arguments.stats.attributes, .bootstrap = arguments.stats.bootstrap});
  }
  if (!arguments.items.empty())
    core::write_file(arguments.items, subjective::items_table(annotations).to_csv());
  if (options.json) {
    nlohmann::json json = to_json(stats);
    if (!arguments.before.empty()) json["drift"] = subjective::drift_table(changes).to_json();
    std::cout << json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  std::vector<NamedTable> tables = {{"sizes", sizes_table(stats)}, {"agreement", agreement_table(stats)}};
  if (!arguments.before.empty()) tables.push_back({"drift", subjective::drift_table(changes)});
  print(options, tables);
}

void add_stats(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<StatsArguments>();
  CLI::App* verb = add_verb(parent, options, "stats",
                            "How far annotators agree, with each other and with themselves, by group",
                            "lathe data opinions opinions && lathe evaluate subjective stats --annotations "
                            "opinions --attributes group");
  add_annotation_options(*verb, arguments->annotations);
  verb->add_option("--attributes", arguments->stats.attributes, "Attributes of annotators to tell apart by")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--min-group-size", arguments->stats.min_group_size, "Smaller groups are suppressed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--replicates", arguments->stats.bootstrap.num_replicates, "Of the bootstrap")
      ->check(CLI::Range(2, 1000000))
      ->capture_default_str();
  verb->add_option("--before", arguments->before,
                   "An older wave of annotations (directory or file): what has changed since");
  verb->add_option("--items-output", arguments->items, "Write how far people agree on each sample")
      ->type_name("FILE.csv");
  verb->callback([&options, arguments] { print_stats(options, *arguments); });
}

}  // namespace

void add_specification_operand(CLI::App& verb, std::string& file) {
  verb.add_option("specification", file, "A specification, as `lathe evaluate subjective init` begins one")
      ->required();
}

data::Annotations open_annotations(AnnotationArguments arguments,
                                   const subjective::Specification& specification) {
  const auto scale = text(specification, "property.scale");
  if (scale && arguments.scale == AnnotationArguments().scale) arguments.scale = *scale;
  if (arguments.classes.empty() && arguments.scale != "real")
    arguments.classes = texts(specification, "property.classes");
  return open_annotations(arguments);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[11];
  std::strftime(text, sizeof text, "%Y-%m-%d", &local);
  return text;
}

void add_subjective(CLI::App& evaluate, Options& options) {
  CLI::App* verb = evaluate.add_subcommand(
      "subjective", "Evaluation where labels are opinions: what to fix before, and whom a model serves");
  verb->footer("Example:\n  lathe evaluate subjective init opinions.toml");
  verb->require_subcommand(1);
  add_init_specification(*verb, options);
  add_subjective_check(*verb, options);
  add_subjective_design(*verb, options);
  add_stats(*verb, options);
  add_subjective_train(*verb, options);
  add_subjective_evaluate(*verb, options);
}

}  // namespace lathe::cli
