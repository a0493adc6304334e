#include "cli/checklist.h"

#include <iostream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/authoring.h"
#include "lathe/evaluate/checklist/export.h"
#include "lathe/evaluate/checklist/ready_suites.h"
#include "lathe/evaluate/checklist/suite_json.h"
#include "lathe/pipeline/checklist_suite.h"

namespace lathe::cli {
namespace {

namespace checklist = evaluate::checklist;

struct NewArguments {
  std::string file;
  checklist::NewSuite suite;
  std::vector<std::string> classes;
  bool spans = false;
};

void write_new(const NewArguments& arguments) {
  if (std::filesystem::exists(arguments.file))
    throw InputError("{} is there already; choose another name", arguments.file);
  if (data::lower_extension(arguments.file) != ".toml")
    throw InputError("a suite that people write is a .toml file, got {}", arguments.file);
  checklist::NewSuite suite = arguments.suite;
  suite.name = std::filesystem::path(arguments.file).stem().string();
  if (arguments.spans) suite.classes.clear();
  const std::string text = checklist::new_suite_toml(suite);
  checklist::parse_suite_toml(text, arguments.file);  // names that are no names are refused here
  core::write_file(arguments.file, text);
}

core::Table suite_table(const checklist::Suite& suite) {
  core::Table table({"test", "capability", "type", "cases", "run", "examples", "expect"});
  for (const checklist::Test& test : suite.tests)
    table.add({test.name, test.capability, to_string(test.type), test.cases.num_cases(), test.num_run(),
               checklist::num_examples(test), test.not_run.empty() ? test.expect : std::string("not run")});
  return table;
}

void add_new(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<NewArguments>();
  CLI::App* verb =
      add_verb(parent, options, "new", "Writes a suite to begin with: the matrix as questions, ready to fill",
               "lathe evaluate checklist new mine.toml --classes no,yes");
  verb->add_option("file", arguments->file, "The suite, a .toml file that is not there yet")->required();
  verb->add_option("--fields", arguments->suite.fields, "Names of an input's texts")
      ->delimiter(',')
      ->capture_default_str();
  verb->add_option("--classes", arguments->suite.classes,
                   "Names of the classes, in the order of the model's outputs")
      ->delimiter(',')
      ->capture_default_str();
  verb->add_flag("--spans", arguments->spans, "No classes: answers are texts");
  verb->callback([arguments] { write_new(*arguments); });
}

struct ExpandArguments {
  SuiteArguments suite;
  std::string output;
};

void add_expand(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<ExpandArguments>();
  CLI::App* verb =
      add_verb(parent, options, "expand", "Writes all cases of a suite, with those that are to run, as JSON",
               "lathe evaluate checklist expand sentiment -o sentiment.json");
  add_suite_options(*verb, arguments->suite);
  verb->add_option("-o,--output", arguments->output, "The suite's file, .json (default: only the table)");
  verb->callback([&options, arguments] {
    const checklist::Suite suite = open_suite(options, arguments->suite);
    if (!arguments->output.empty()) core::write_file(arguments->output, checklist::to_text(suite));
    print(options, {{"tests", suite_table(suite)}});
  });
}

struct ExportArguments {
  SuiteArguments suite;
  std::string format = "jsonl", output;
};

void add_export(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* verb =
      add_verb(parent, options, "export", "Writes the examples that a model has to answer, for any program",
               "lathe evaluate checklist export sentiment --format lines -o texts.txt");
  add_suite_options(*verb, arguments->suite);
  verb->add_option("--format", arguments->format, "lines, tsv, jsonl or squad")->capture_default_str();
  verb->add_option("-o,--output", arguments->output, "A file (default: standard output)");
  verb->callback([&options, arguments] {
    const checklist::ExportFormat format = checklist::parse_export_format(arguments->format);
    write_output(arguments->output, checklist::export_text(open_suite(options, arguments->suite), format));
  });
}

void add_matrix(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<SuiteArguments>();
  CLI::App* verb =
      add_verb(parent, options, "matrix",
               "What to test: questions for each capability and type of test, or what a suite covers",
               "lathe evaluate checklist matrix sentiment");
  add_suite_options(*verb, *arguments);
  verb->get_option("suite")->required(false);
  verb->callback([&options, arguments] {
    print(options, {{"matrix", arguments->suite.empty()
                                   ? checklist::ideation_table()
                                   : checklist::coverage_table(open_suite(options, *arguments))}});
  });
}

}  // namespace

void add_programs_option(CLI::App& verb, SuiteArguments& arguments) {
  verb.add_flag("--allow-programs", arguments.allow_programs,
                "Run the programs that the suite's perturbations name: perturb = \"command(…)\"");
}

void add_suite_options(CLI::App& verb, SuiteArguments& arguments) {
  verb.add_option("suite", arguments.suite,
                  "A ready suite (comprehension, questions, sentiment), or a file: .toml as people write it, "
                  "or .json")
      ->required();
  verb.add_option("--tests", arguments.tests, "Only tests of these names, e.g. 'typos*' or 'Negation/*'")
      ->allow_extra_args(false);
  verb.add_option("--n", arguments.n, "Cases of each test that are run at most (default: as the suite says)")
      ->check(CLI::PositiveNumber);
  add_programs_option(verb, arguments);
}

checklist::Suite open_suite(const Options& options, const SuiteArguments& arguments) {
  checklist::SuiteOptions how;
  how.tests = arguments.tests;
  how.seed = options.seed;
  if (arguments.allow_programs) how.programs = checklist::Programs::run;
  checklist::Suite suite = pipeline::load_suite(arguments.suite, how);
  if (!arguments.tests.empty()) suite = checklist::with_tests(std::move(suite), arguments.tests);
  if (arguments.n > 0)
    suite = checklist::with_sample(std::move(suite), arguments.n, options.seed.value_or(0));
  for (const std::string& warning : checklist::warnings(suite))
    std::cerr << "lathe: warning: " << warning << "\n";
  return suite;
}

void write_output(const std::string& file, const std::string& text) {
  if (file.empty())
    std::cout << text;
  else
    core::write_file(file, text);
}

void add_checklist(CLI::App& evaluate, Options& options) {
  CLI::App* verb = evaluate.add_subcommand(
      "checklist",
      "Behavioural tests of text models: many small cases for each capability, run on any model");
  verb->footer(
      "Example:\n  lathe evaluate checklist run --suite sentiment --command 'sed s/.*/neutral/' --html "
      "report.html");
  verb->require_subcommand(1);
  add_new(*verb, options);
  add_expand(*verb, options);
  add_export(*verb, options);
  add_checklist_run(*verb, options);
  add_checklist_report(*verb, options);
  add_checklist_diff(*verb, options);
  add_checklist_suggest(*verb, options);
  add_matrix(*verb, options);
}

}  // namespace lathe::cli
