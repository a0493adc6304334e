#include <fmt/format.h>

#include <iostream>

#include "cli/subjective.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/parallel.h"
#include "lathe/evaluate/subjective/datasheet.h"
#include "lathe/pipeline/subjective_page.h"

namespace lathe::cli {
namespace {

namespace subjective = evaluate::subjective;

struct EvaluateArguments {
  std::string specification, html, datasheet;
  AnnotationArguments annotations;
  std::vector<std::string> predictions;  // FILE or NAME=FILE
  int64_t replicates = 1000;
  bool partial = false, gate = false;
};

// `name=file`, or a file, whose name without ending is the model's.
std::pair<std::string, std::string> model_and_file(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || std::filesystem::exists(text))
    return {std::filesystem::path(text).stem().string(), text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

evaluate::OpinionPredictions read_predictions(const EvaluateArguments& arguments, const std::string& model,
                                              const std::string& file, const data::Annotations& annotations) {
  evaluate::PredictionFile read = evaluate::read_opinion_predictions(file, annotations);
  if (!arguments.partial) {
    try {
      return evaluate::complete(std::move(read));
    } catch (const InputError& error) {
      throw InputError("{}; --partial judges those that there are", error.what());
    }
  }
  if (read.num_missing > 0)
    std::cerr << fmt::format("lathe: warning: {} annotations without a prediction of {} are not judged\n",
                             read.num_missing, model);
  return std::move(read.predictions);
}

struct Work {
  subjective::Specification specification;
  data::Annotations annotations;
  std::vector<subjective::Evaluation> evaluations;
};

Work work(const Options& options, const EvaluateArguments& arguments) {
  if (options.threads != "auto") core::set_num_threads(std::stoi(options.threads));
  Work result;
  result.specification = subjective::read_specification(arguments.specification);
  result.annotations = open_annotations(arguments.annotations, result.specification);
  for (const std::string& text : arguments.predictions) {
    const auto [model, file] = model_and_file(text);
    subjective::EvaluationOptions how{.model = model};
    how.bootstrap.num_replicates = arguments.replicates;
    how.bootstrap.seed = core::Seed(options.seed.value_or(0));
    result.evaluations.push_back(
        subjective::evaluate(result.specification, result.annotations,
                             read_predictions(arguments, model, file, result.annotations), how));
  }
  return result;
}

void write_page(const Options& options, const EvaluateArguments& arguments, const Work& from) {
  subjective::CheckOptions how{.today = today()};
  how.bootstrap = {.num_replicates = arguments.replicates, .seed = core::Seed(options.seed.value_or(0))};
  subjective::StatsOptions of_table{.bootstrap = how.bootstrap};
  for (const std::string& name : texts(from.specification, "users.attributes"))
    for (const data::Attribute& there : from.annotations.annotator_attributes)
      if (there.name == name) of_table.attributes.push_back(name);
  if (const auto least = number(from.specification, "users.min_group_size"))
    of_table.min_group_size = static_cast<int64_t>(*least);
  const pipeline::SubjectiveReport report{from.specification,
                                          subjective::check(from.specification, from.annotations, how),
                                          subjective::stats(from.annotations, of_table), from.evaluations};
  const std::string subtitle =
      fmt::format("{}: {} annotations of {} samples by {} people", from.specification.title,
                  report.stats.num_annotations, report.stats.num_items, report.stats.num_annotators);
  if (!arguments.html.empty())
    core::write_file(arguments.html, pipeline::render_html(pipeline::subjective_page(report, subtitle)));
  if (!arguments.datasheet.empty())
    core::write_file(arguments.datasheet, subjective::datasheet(from.specification, report.check));
}

void print_evaluations(const Options& options, const std::vector<subjective::Evaluation>& evaluations) {
  if (options.json) {
    nlohmann::json json = nlohmann::json::array();
    for (const subjective::Evaluation& evaluation : evaluations) json.push_back(to_json(evaluation));
    std::cout << json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  print(options, {{"metrics", metrics_table(evaluations)},
                  {"groups", groups_table(evaluations)},
                  {"strata", strata_table(evaluations)},
                  {"exclusions", exclusion_table(evaluations)},
                  {"verdicts", verdict_table(evaluations)}});
}

void evaluate_models(const Options& options, const EvaluateArguments& arguments) {
  const Work result = work(options, arguments);
  if (!arguments.html.empty()) write_page(options, arguments, result);
  print_evaluations(options, result.evaluations);
  for (const subjective::Evaluation& evaluation : result.evaluations)
    if (arguments.gate && evaluation.decision != subjective::Decision::met)
      throw GateError("{} is not what the specification asks for: {}", evaluation.model,
                      to_string(evaluation.decision));
}

void add_options(CLI::App& verb, EvaluateArguments& arguments) {
  add_specification_operand(verb, arguments.specification);
  add_annotation_options(verb, arguments.annotations);
  verb.add_option(
          "--predictions", arguments.predictions,
          "What a model answers: .csv, .tsv or .jsonl with item, annotator (none: to everybody alike), "
          "and label or prob_CLASS …; NAME=FILE names the model; again for more models")
      ->allow_extra_args(false);
  verb.add_flag("--partial", arguments.partial, "Judge what was predicted, where predictions are missing");
  verb.add_option("--replicates", arguments.replicates, "Of the bootstrap")
      ->check(CLI::Range(2, 1000000))
      ->capture_default_str();
}

}  // namespace

void add_subjective_evaluate(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* verb =
      add_verb(parent, options, "evaluate", "Whose opinion a model serves, against what was specified",
               "lathe evaluate subjective evaluate opinions.toml --annotations opinions --predictions "
               "models/person.csv --partial");
  add_options(*verb, *arguments);
  verb->get_option("--predictions")->required();
  verb->add_option("--html", arguments->html, "Also write the page")->type_name("PAGE.html");
  verb->add_flag("--gate", arguments->gate, "Exit with 3 unless every criterion is met");
  verb->callback([&options, arguments] { evaluate_models(options, *arguments); });

  auto of_report = std::make_shared<EvaluateArguments>();
  CLI::App* report = add_verb(
      parent, options, "report", "The page of a specification, its annotations and models; the datasheet",
      "lathe evaluate subjective report opinions.toml --annotations opinions --html report.html");
  add_options(*report, *of_report);
  report->add_option("--html", of_report->html, "The page")->type_name("PAGE.html");
  report->add_option("--datasheet", of_report->datasheet, "The datasheet, Markdown")->type_name("FILE.md");
  report->callback([&options, of_report] {
    if (of_report->html.empty() && of_report->datasheet.empty())
      throw InputError("name what to write: --html PAGE.html, --datasheet FILE.md");
    write_page(options, *of_report, work(options, *of_report));
  });
}

}  // namespace lathe::cli
