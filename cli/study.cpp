#include <fmt/format.h>

#include <iostream>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/pipeline/study.h"
#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

struct StudyArguments {
  std::string name, scale = "desk";
  bool record = false, check = false;
  std::filesystem::path source_tree = ".";
};

void list(const Options& options) {
  core::Table table({"study", "title", "paper"});
  for (const auto& study : pipeline::studies()) table.add({study.name, study.title, study.paper});
  print(options, {{"studies", table}});
}

void show(const Options& options, const StudyArguments& arguments) {
  const auto& study = pipeline::find_study(arguments.name);
  if (options.json)
    std::cout << nlohmann::json{{"name", study.name},
                                {"title", study.title},
                                {"paper", study.paper},
                                {"claim", study.claim}}
                     .dump(1)
              << "\n";
  else
    std::cout << fmt::format("{}: {}\n{}\n\n{}\n\nRun it: lathe study run {} --scale smoke|desk|paper\n",
                             study.name, study.title, study.paper, study.claim, study.name);
}

void run(const Options& options, const StudyArguments& arguments) {
  const auto& study = pipeline::find_study(arguments.name);
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  const auto report = pipeline::run_study(study, {.scale = pipeline::parse_scale(arguments.scale),
                                                  .seed = core::Seed(options.seed.value_or(0)),
                                                  .stop = core::process_stop_token()});
  if (options.json) {
    std::cout << pipeline::to_json(report).dump(1) << "\n";
  } else {
    std::cout << pipeline::rows_table(report).to_text();
    for (const auto& note : report.result.notes) std::cout << note << "\n";
  }
  if (arguments.record) pipeline::record_result(report, arguments.source_tree);
  if (!report.met()) throw Error("study {}: a bar was missed", study.name);
}

void report(const Options&, const StudyArguments& arguments) {
  const auto stale = pipeline::stale_results(arguments.source_tree);
  for (const auto& line : stale) std::cerr << "stale: " << line << "\n";
  const auto page = arguments.source_tree / "docs" / "results.md";
  const std::string text = pipeline::results_page(arguments.source_tree);
  if (!arguments.check) {
    core::write_file(page, text);
    std::cout << page.string() << "\n";
  } else if (!std::filesystem::exists(page) || core::read_file(page) != text) {
    throw Error("{} is not what docs/results/ says; run `lathe study report`", page.string());
  }
}

}  // namespace

void add_study(CLI::App& app, Options& options) {
  auto arguments = std::make_shared<StudyArguments>();
  CLI::App* studies = app.add_subcommand("study", "Check a paper's claim");
  studies->require_subcommand(1);
  studies->footer("Example:\n  lathe study run training-step --scale smoke");
  add_verb(*studies, options, "list", "All studies", "lathe study list")->callback([&options] {
    list(options);
  });
  CLI::App* show_verb =
      add_verb(*studies, options, "show", "What a study checks", "lathe study show training-step");
  show_verb->add_option("name", arguments->name, "The study")->required();
  show_verb->callback([&options, arguments] { show(options, *arguments); });
  CLI::App* run_verb =
      add_verb(*studies, options, "run", "Run a study", "lathe study run training-step --scale smoke");
  run_verb->add_option("name", arguments->name, "The study")->required();
  run_verb->add_option("--scale", arguments->scale, "smoke (seconds), desk (minutes) or paper")
      ->capture_default_str();
  run_verb->add_flag("--record", arguments->record, "Keep the result in docs/results of the source tree");
  run_verb->add_option("--source-tree", arguments->source_tree, "Lathe's source tree")->capture_default_str();
  run_verb->callback([&options, arguments] { run(options, *arguments); });
  CLI::App* report_verb = add_verb(*studies, options, "report",
                                   "Write docs/results.md from the recorded results", "lathe study report");
  report_verb->add_flag("--check", arguments->check,
                        "Write nothing; name stale results, fail if the page differs");
  report_verb->add_option("--source-tree", arguments->source_tree, "Lathe's source tree")
      ->capture_default_str();
  report_verb->callback([&options, arguments] { report(options, *arguments); });
}

}  // namespace lathe::cli
