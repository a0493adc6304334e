#include <fmt/ranges.h>

#include <iostream>

#include "cli/checklist.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/progress.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/compare.h"
#include "lathe/evaluate/checklist/failures.h"
#include "lathe/evaluate/checklist/html_report.h"
#include "lathe/evaluate/checklist/predictors.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/checklist_predictor.h"
#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

namespace checklist = evaluate::checklist;

// What is made of results.
struct ReportArguments {
  std::string html, junit, failures;
  int64_t examples = 0;
  std::optional<double> fail_above;
  std::vector<std::string> gates;
};

void add_report_options(CLI::App& verb, ReportArguments& arguments) {
  verb.add_option("--html", arguments.html, "Write the page: matrix, tests, examples");
  verb.add_option("--junit", arguments.junit, "Write JUnit XML for CI");
  verb.add_option("--failures", arguments.failures,
                  "Write failing inputs with the right label, to train on: .csv or .jsonl");
  verb.add_option("--examples", arguments.examples, "Print as many failing cases of each test")
      ->check(CLI::NonNegativeNumber);
  verb.add_option("--fail-above", arguments.fail_above,
                  "Exit with 3 where any test fails more often, e.g. 0.2")
      ->check(CLI::Range(0.0, 1.0));
  verb.add_option("--gate", arguments.gates, "The same for a capability or tests, e.g. Negation=0.1")
      ->allow_extra_args(false);
}

checklist::Gates gates_of(const ReportArguments& arguments) {
  checklist::Gates gates{arguments.fail_above, {}};
  for (const std::string& gate : arguments.gates) gates.by_pattern.push_back(checklist::parse_gate(gate));
  return gates;
}

core::Table failures_table(const checklist::Results& results, int64_t most) {
  core::Table table({"test", "failing case"});
  for (size_t t = 0; t < results.tests.size(); ++t)
    for (const auto& failed : checklist::failed_cases(results, t, static_cast<size_t>(most)))
      table.add({results.suite.tests[t].name, failed.text});
  return table;
}

// Tests that ran and say nothing of this model: no pass, and easily overlooked.
void warn_of_silence(const checklist::Results& results) {
  std::vector<std::string> names;
  for (size_t t = 0; t < results.tests.size(); ++t)
    if (!results.tests[t].cases.empty() && results.tests[t].num_applicable() == 0)
      names.push_back("'" + results.suite.tests[t].name + "'");
  if (!names.empty())
    std::cerr << fmt::format(
        "lathe: warning: to no case of {} their expectation applies; monotonic needs probabilities\n",
        fmt::join(names, ", "));
}

void write_report(const Options& options, const checklist::Results& results, const ReportArguments& arguments,
                  const std::vector<NamedTable>& more = {}) {
  const checklist::Gates gates = gates_of(arguments);
  warn_of_silence(results);
  if (!arguments.html.empty()) core::write_file(arguments.html, checklist::html_report(results));
  if (!arguments.junit.empty()) core::write_file(arguments.junit, checklist::junit_xml(results, gates));
  if (!arguments.failures.empty()) {
    const std::string extension = data::lower_extension(arguments.failures);
    if (extension != ".csv" && extension != ".jsonl")
      throw InputError("failures are written to a .csv or a .jsonl file, got {}", arguments.failures);
    core::write_file(
        arguments.failures,
        checklist::failures_text(results, extension == ".csv" ? checklist::FailuresFormat::kCsv
                                                              : checklist::FailuresFormat::kJsonl));
  }
  std::vector<NamedTable> tables = {{"matrix", checklist::matrix_table(results)},
                                    {"tests", checklist::tests_table(results)}};
  if (arguments.examples > 0) tables.push_back({"failures", failures_table(results, arguments.examples)});
  tables.insert(tables.end(), more.begin(), more.end());
  print(options, tables);
  std::cout.flush();
  checklist::check_gates(results, gates);
}

struct RunArguments {
  SuiteArguments suite;
  std::string predictions, command, url, model, format, input, name, output;
  std::vector<std::string> headers;
  double timeout_seconds = 600;
  int64_t batch_size = 0, minimal = 0;
  ReportArguments report;
};

struct Model {
  std::string name;
  checklist::Predictor predictor;
};

checklist::PredictionFormat format_of(const RunArguments& arguments) {
  return checklist::parse_prediction_format(arguments.format.empty() ? "pred_only" : arguments.format);
}

Model bundle_model(const Options& options, const std::string& operand, const checklist::Suite& suite) {
  std::filesystem::path file = operand;
  if (std::filesystem::is_directory(file)) file /= "model.pt";
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  const auto model = nn::load(file);
  model->to(pipeline::parse_device(options.device));
  return {operand, pipeline::classifier_predictor(model, suite)};
}

Model open_model(const Options& options, const RunArguments& arguments, const checklist::Suite& suite) {
  if (!arguments.model.empty()) return bundle_model(options, arguments.model, suite);
  if (!arguments.url.empty())
    return {arguments.url,
            checklist::http_predictor({arguments.url, arguments.timeout_seconds, arguments.headers},
                                      suite.fields, suite.classes)};
  const std::string input = !arguments.input.empty()   ? arguments.input
                            : suite.fields.size() == 1 ? "lines"
                                                       : "jsonl";
  return {arguments.command,
          checklist::command_predictor({arguments.command, checklist::parse_export_format(input),
                                        format_of(arguments), arguments.timeout_seconds},
                                       suite.fields, suite.classes)};
}

// The same model, and how far it is on stderr.
checklist::Predictor with_progress(const checklist::Predictor& predictor, int64_t num_examples) {
  auto progress = std::make_shared<core::Progress>("checklist", num_examples, "examples");
  return [=, done = int64_t{0}](const std::vector<checklist::Example>& examples) mutable {
    std::vector<checklist::Prediction> predictions = predictor(examples);
    progress->update(done += static_cast<int64_t>(examples.size()));
    return predictions;
  };
}

// Failing cases without the words that they do not need.
core::Table minimal_table(const checklist::Results& results, const checklist::Predictor& predictor,
                          int64_t most) {
  core::Table table({"test", "still fails", "words removed"});
  for (size_t t = 0; t < results.tests.size(); ++t) {
    for (const auto& failed : checklist::failed_cases(results, t, static_cast<size_t>(most))) {
      const checklist::MinimalFailure minimal = checklist::minimal_failure(results, failed, predictor);
      std::string text;
      for (const checklist::Example& example : minimal.examples)
        for (const std::string& field : example) text += (text.empty() ? "" : " | ") + data::excerpt(field);
      table.add({results.suite.tests[t].name, text, minimal.num_removed});
    }
  }
  return table;
}

void run(const Options& options, const RunArguments& arguments) {
  const int models = !arguments.predictions.empty() + !arguments.command.empty() + !arguments.url.empty() +
                     !arguments.model.empty();
  if (models != 1)
    throw InputError("one of --preds, --command, --url and --model must say what is tested, got {}", models);
  const checklist::Suite suite = open_suite(options, arguments.suite);
  checklist::require_gates(suite, gates_of(arguments.report));  // before the model works for minutes
  checklist::Results results;
  std::optional<Model> model;
  if (!arguments.predictions.empty()) {
    if (arguments.minimal > 0)
      throw InputError("--minimal asks the model; predictions in a file are no model");
    results = checklist::score(suite,
                               checklist::read_predictions(arguments.predictions, format_of(arguments),
                                                           suite.classes, checklist::num_examples(suite)),
                               arguments.name.empty() ? arguments.predictions : arguments.name);
  } else {
    model = open_model(options, arguments, suite);
    // A command starts anew for each batch: it gets all at once.
    const int64_t batch =
        !arguments.command.empty() ? std::max<int64_t>(1, checklist::num_examples(suite)) : 256;
    results = checklist::run(suite, with_progress(model->predictor, checklist::num_examples(suite)),
                             {arguments.name.empty() ? model->name : arguments.name,
                              arguments.batch_size > 0 ? arguments.batch_size : batch});
  }
  if (!arguments.output.empty()) core::write_file(arguments.output, checklist::to_text(results));
  std::vector<NamedTable> minimal;
  if (arguments.minimal > 0)
    minimal.push_back({"minimal", minimal_table(results, model->predictor, arguments.minimal)});
  write_report(options, results, arguments.report, minimal);
}

}  // namespace

void add_checklist_run(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* verb = add_verb(
      parent, options, "run",
      "Runs a suite on a model: predictions in a file, a command, a service, a bundle",
      "lathe evaluate checklist run --suite sentiment --command 'sed s/.*/neutral/' --out results.json");
  verb->add_option("--suite", arguments->suite.suite,
                   "A ready suite (comprehension, questions, sentiment), or a .toml or .json file")
      ->required();
  verb->add_option("--tests", arguments->suite.tests,
                   "Only tests of these names, e.g. 'typos*' or 'Negation/*'")
      ->allow_extra_args(false);
  verb->add_option("--n", arguments->suite.n, "Cases of each test that are run at most")
      ->check(CLI::PositiveNumber);
  add_programs_option(*verb, arguments->suite);
  verb->add_option("--preds", arguments->predictions,
                   "Predictions for the examples of `export`, a line each");
  verb->add_option("--command", arguments->command,
                   "A shell command: examples on its input, a prediction a line on its output");
  verb->add_option("--url", arguments->url,
                   "An endpoint: POST {\"inputs\": […]}, answers {\"predictions\": […]}");
  verb->add_option("--model", arguments->model, "A bundle, or a model.pt of one");
  verb->add_option("--format", arguments->format,
                   "Of predictions: pred_only (default), softmax, binary_conf, pred_and_conf, "
                   "pred_and_softmax, jsonl, squad");
  verb->add_option("--input", arguments->input,
                   "What the command reads: lines, tsv or jsonl (default: lines for one text)");
  verb->add_option("--header", arguments->headers, "Of the request, e.g. 'Authorization: Bearer …'")
      ->allow_extra_args(false);
  verb->add_option("--timeout", arguments->timeout_seconds, "Seconds for a batch")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--batch-size", arguments->batch_size,
                   "Examples at once (default: 256; a command gets all)")
      ->check(CLI::PositiveNumber);
  verb->add_option("--name", arguments->name, "The model's name in reports");
  verb->add_option("--out", arguments->output, "Write the results (JSON), for report and diff");
  verb->add_option("--minimal", arguments->minimal,
                   "Shorten as many failing cases of each test as far as they still fail")
      ->check(CLI::PositiveNumber);
  add_report_options(*verb, arguments->report);
  verb->callback([&options, arguments] { run(options, *arguments); });
}

void add_checklist_report(CLI::App& parent, Options& options) {
  struct Arguments {
    std::string results;
    ReportArguments report;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb =
      add_verb(parent, options, "report", "Tables, page, JUnit and gates of results that `run --out` wrote",
               "lathe evaluate checklist report results.json --html report.html");
  verb->add_option("results", arguments->results, "Results of run --out")->required();
  add_report_options(*verb, arguments->report);
  verb->callback([&options, arguments] {
    write_report(options, checklist::read_results(arguments->results), arguments->report);
  });
}

void add_checklist_diff(CLI::App& parent, Options& options) {
  struct Arguments {
    std::string before, after, adjust = "holm";
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb =
      add_verb(parent, options, "diff", "Two models on one suite, test by test, with McNemar's test",
               "lathe evaluate checklist diff before.json after.json");
  verb->add_option("before", arguments->before, "Results of run --out")->required();
  verb->add_option("after", arguments->after, "Results of another model on the same suite file")->required();
  verb->add_option("--adjust", arguments->adjust,
                   "p-values for the number of tests: holm, or bh (Benjamini and Hochberg)")
      ->capture_default_str();
  verb->callback([&options, arguments] {
    const checklist::Comparison comparison = checklist::compare(
        checklist::read_results(arguments->before), checklist::read_results(arguments->after),
        checklist::parse_adjustment(arguments->adjust));
    for (const auto& [names, file] :
         {std::pair{comparison.only_before, arguments->before}, {comparison.only_after, arguments->after}})
      for (const std::string& name : names)
        std::cerr << "lathe: warning: only " << file << " has the test '" << name << "'\n";
    print(options, {{"tests", checklist::comparison_table(comparison)}});
  });
}

}  // namespace lathe::cli
