#include <iostream>

#include "cli/active.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/active/asking.h"

namespace lathe::cli {
namespace {

namespace active = evaluate::active;

struct AnswerArguments {
  std::string state, answers;
  bool replace = false;
};

void give_answers(const Options& options, const AnswerArguments& arguments) {
  const active::Answering done =
      active::answer(arguments.state, active::read_answers(arguments.answers),
                     arguments.replace ? active::OldAnswers::kReplace : active::OldAnswers::kKeep);
  core::Table table({"new answers", "replaced", "answered in all", "still open"});
  const auto open = std::count_if(done.state.steps.begin(), done.state.steps.end(),
                                  [](const active::Asked& asked) { return !asked.answer; });
  table.add({done.num_new, done.num_replaced, static_cast<int64_t>(done.state.steps.size()) - open, open});
  print(options, {{"answers", table}});
}

struct WeightsArguments {
  std::string state, page, weights;
  double confidence = 0.95;
  std::vector<double> loss_range;
};

void weights(const Options& options, const WeightsArguments& arguments) {
  active::ReportOptions how{.confidence = arguments.confidence};
  if (!arguments.loss_range.empty()) how.loss_range = {arguments.loss_range[0], arguments.loss_range[1]};
  if (how.loss_range && !(how.loss_range->low < how.loss_range->high))
    throw InputError("--loss-range wants LOW,HIGH with LOW below HIGH, got {},{}", how.loss_range->low,
                     how.loss_range->high);
  const active::Report report = active::report(active::read_state(arguments.state), how);
  if (!arguments.weights.empty()) core::write_file(arguments.weights, weights_table(report).to_csv());
  print_report(options, report, arguments.page, std::filesystem::path(arguments.state).filename().string());
}

}  // namespace

void add_active_answer(CLI::App& parent, Options& options) {
  auto answers = std::make_shared<AnswerArguments>();
  CLI::App* verb =
      add_verb(parent, options, "answer", "Adds labels, or losses, to a test; giving some twice does no harm",
               "lathe evaluate active answer test.jsonl answers.csv");
  verb->add_option("state", answers->state, "The test's file")->required();
  verb->add_option("answers", answers->answers, "CSV with columns `id`, and `label` or `loss`")->required();
  verb->add_flag("--replace", answers->replace, "Take these answers where there are others already");
  verb->callback([&options, answers] { give_answers(options, *answers); });

  auto arguments = std::make_shared<WeightsArguments>();
  verb = add_verb(parent, options, "weights",
                  "What the answers so far say about the whole pool: estimates, intervals, weights",
                  "lathe evaluate active weights test.jsonl --output test.html");
  verb->add_option("state", arguments->state, "The test's file")->required();
  verb->add_option("--output", arguments->page, "Also write a page with charts")->type_name("PAGE.html");
  verb->add_option("--weights", arguments->weights, "Also write each label's weight, to train or test with")
      ->type_name("WEIGHTS.csv");
  verb->add_option("--confidence", arguments->confidence, "Of intervals")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  verb->add_option("--loss-range", arguments->loss_range,
                   "What a loss can be, for an interval that holds at every step, e.g. 0,1")
      ->delimiter(',')
      ->expected(2)
      ->type_name("LOW,HIGH");
  verb->callback([&options, arguments] { weights(options, *arguments); });
}

}  // namespace lathe::cli
