#include "cli/opinion.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/opinion/compare.h"
#include "lathe/evaluate/opinion/tables.h"
#include "lathe/pipeline/opinion_page.h"

namespace lathe::cli {
namespace {

namespace opinion = evaluate::opinion;

constexpr size_t kPrintedRows = 10;

struct Arguments {
  OpinionInput input;
  std::string output, html;
};

const opinion::NamedPredictions& only_model(const OpenedOpinions& opened, const char* verb) {
  if (opened.models.size() > 1)
    throw InputError(
        "{} is about one model, got {}; `lathe evaluate opinion compare` and `plot` take several", verb,
        opened.models.size());
  return opened.models.front();
}

void measure(const Options& options, const Arguments& arguments) {
  const OpenedOpinions opened = open_opinions(options, arguments.input);
  const opinion::NamedPredictions& model = only_model(opened, "measure");
  const auto& annotations = opened.annotations;
  pipeline::OpinionReport report{
      {{model.name, model.predictions,
        opinion::measure(annotations, opened.profile, model.predictions, opened.options)}},
      opinion::worst_slices(annotations, model.predictions, opened.options),
      std::nullopt};
  if (!arguments.output.empty())
    pipeline::write_tables(pipeline::opinion_tables(annotations, report), arguments.output);
  const opinion::Measurement& m = report.models.front().measurement;
  const size_t most = options.json ? 0 : kPrintedRows;
  std::vector<NamedTable> tables = {{"unfairness", unfairness_table(m)}, {"scores", scores_table(m)}};
  for (const opinion::BinTable& table : m.tables)
    tables.push_back({to_string(table.criterion), bins_table(table)});
  tables.push_back({"slices", slices_table(report.slices, most)});
  tables.push_back({"users", users_table(annotations, m, most)});
  print(options, tables);
}

void explain(const Options& options, const Arguments& arguments) {
  const OpenedOpinions opened = open_opinions(options, arguments.input);
  const opinion::Causes causes =
      opinion::explain(opened.annotations, opened.profile, opened.models, opened.options);
  std::vector<pipeline::NamedTable> tables = {{"causes", causes_table(causes)},
                                              {"steps", steps_table(causes)}};
  for (size_t m = 0; m < causes.regressions.size(); ++m)
    tables.push_back({opened.models.size() == 1 ? "regression" : "regression_" + opened.models[m].name,
                      regression_table(causes.regressions[m])});
  if (!arguments.output.empty()) pipeline::write_tables(tables, arguments.output);
  std::vector<NamedTable> printed;
  for (const auto& [name, table] : tables) printed.push_back({name, table});
  print(options, printed);
}

void plot(const Options& options, const Arguments& arguments) {
  const OpenedOpinions opened = open_opinions(options, arguments.input);
  pipeline::OpinionReport report;
  for (const opinion::NamedPredictions& model : opened.models)
    report.models.push_back(
        {model.name, model.predictions,
         opinion::measure(opened.annotations, opened.profile, model.predictions, opened.options)});
  report.slices =
      opinion::worst_slices(opened.annotations, opened.models.front().predictions, opened.options);
  report.causes =
      opinion::explain(opened.annotations, opened.profile, {opened.models.front()}, opened.options);
  const opinion::Measurement& m = report.models.front().measurement;
  const std::string subtitle = fmt::format("{} annotations of {} items by {} people", m.num_annotations,
                                           m.num_items, m.num_annotators);
  core::write_file(arguments.html, pipeline::render_html(pipeline::opinion_page(
                                       opened.annotations, opened.profile, report, subtitle)));
  if (!arguments.output.empty())
    pipeline::write_tables(pipeline::opinion_tables(opened.annotations, report), arguments.output);
}

void compare(const Options& options, const Arguments& arguments) {
  const OpenedOpinions opened = open_opinions(options, arguments.input);
  if (opened.models.size() != 2) throw InputError("compare takes two models, got {}", opened.models.size());
  const std::vector<pipeline::NamedTable> tables = {
      {"comparison",
       comparison_table(opinion::compare(opened.annotations, opened.profile, opened.models[0].predictions,
                                         opened.models[1].predictions, opened.options))}};
  if (!arguments.output.empty()) pipeline::write_tables(tables, arguments.output);
  print(options, {{"comparison", tables.front().table}});
}

CLI::App* add_method(CLI::App& parent, Options& options, const std::shared_ptr<Arguments>& arguments,
                     const char* name, const char* description, const char* example) {
  CLI::App* verb = add_verb(parent, options, name, description, example);
  add_opinion_input(*verb, arguments->input);
  verb->add_option("-o,--output", arguments->output, "A directory for every table, whole, as .csv and .json");
  return verb;
}

}  // namespace

void add_opinion_measure(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<Arguments>();
  add_method(
      parent, options, arguments, "measure",
      "How unequally a model serves users, groups, opinions and items, with intervals",
      "lathe evaluate opinion measure --annotations opinions --predictions model.csv --attributes group")
      ->callback([&options, arguments] { measure(options, *arguments); });
}

void add_opinion_explain(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<Arguments>();
  add_method(
      parent, options, arguments, "explain",
      "What unfairness comes from: one answer for all, learning, or what people repeat themselves",
      "lathe evaluate opinion explain --annotations opinions --predictions model.csv --attributes group")
      ->callback([&options, arguments] { explain(options, *arguments); });
}

void add_opinion_plot(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = add_method(
      parent, options, arguments, "plot", "The page: who is served badly, which slice hides it, and why",
      "lathe evaluate opinion plot --annotations opinions --predictions model.csv --html opinions.html");
  verb->add_option("--html", arguments->html, "The page to write")->required();
  verb->callback([&options, arguments] { plot(options, *arguments); });
}

void add_opinion_compare(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<Arguments>();
  add_method(parent, options, arguments, "compare",
             "What changes from one model to another, with intervals of the differences",
             "lathe evaluate opinion compare --annotations opinions --predictions before.csv --predictions "
             "after.csv")
      ->callback([&options, arguments] { compare(options, *arguments); });
}

}  // namespace lathe::cli
