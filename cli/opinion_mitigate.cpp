#include <filesystem>

#include "cli/opinion.h"
#include "cli/opinion_models.h"
#include "lathe/core/interrupt.h"
#include "lathe/train/opinion/mitigate.h"

namespace lathe::cli {
namespace {

namespace opinion = train::opinion;

struct MitigateArguments {
  OpinionModelArguments job;
  opinion::MitigateOptions mitigate;
  std::string criterion = "annotator_disagreement";
  std::string output;
};

std::string with_interval(const evaluate::opinion::Estimate& estimate) {
  if (!std::isfinite(estimate.interval.low)) return fmt::format("{:.3f}", estimate.value);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", estimate.value, estimate.interval.low,
                     estimate.interval.high);
}

void mitigate(const Options& options, const MitigateArguments& arguments) {
  opinion::MitigateOptions chosen = arguments.mitigate;
  chosen.criterion = evaluate::opinion::parse_criterion(arguments.criterion);
  chosen.attributes = chosen.measure.bins.attributes = arguments.job.attributes;
  chosen.stop = core::process_stop_token();
  const OpinionJob job = open_opinion_job(options, arguments.job);
  const auto results =
      opinion::mitigate(job.inputs, job.annotations, job.split, chosen, job.seed.stream("mitigate"));

  core::Table table({"strategy", "front", "fairness F", "performance G", "accuracy", "worst decile",
                     "minority opinions", "answered", "what"});
  for (size_t i = 0; i < results.size(); ++i) {
    const opinion::Mitigated& one = results[i];
    const auto& score = one.measurement.table(chosen.criterion).score(evaluate::opinion::Metric::accuracy);
    const auto what = std::find_if(opinion::strategies().begin(), opinion::strategies().end(),
                                   [&](const auto& strategy) { return strategy.name == one.strategy; });
    table.add({one.strategy, one.on_front ? "*" : "", with_interval(score.fairness),
               with_interval(score.general), with_interval(one.measurement.measure("accuracy")),
               with_interval(one.measurement.measure("worst_decile")),
               with_interval(one.measurement.measure("minority_recall")), core::Cell(one.answered, 3),
               what->what});
  }
  if (!arguments.output.empty()) {
    std::filesystem::create_directories(arguments.output);
    for (const opinion::Mitigated& one : results)
      opinion::write_predictions(one.predictions, job.annotations,
                                 std::filesystem::path(arguments.output) / (one.strategy + ".csv"));
  }
  print(options, {{"strategies", table}});
}

}  // namespace

void add_opinion_mitigate(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<MitigateArguments>();
  CLI::App* verb =
      add_verb(parent, options, "mitigate",
               "Trains with each remedy and shows which trade fairness for performance best (*: no other "
               "has more of both)",
               "lathe data opinions opinions && lathe evaluate opinion mitigate --annotations opinions "
               "--strategies majority,balanced-popularity,person");
  add_opinion_model_options(*verb, arguments->job);
  std::string names;
  for (const auto& strategy : opinion::strategies()) names += (names.empty() ? "" : ", ") + strategy.name;
  verb->add_option("--strategies", arguments->mitigate.strategies, names + " (default: all)")->delimiter(',');
  verb->add_option("--criterion", arguments->criterion, "What F and G are of")->capture_default_str();
  verb->add_option("--bins", arguments->mitigate.measure.bins.num_bins)->capture_default_str();
  verb->add_option("--min-labels", arguments->mitigate.min_labels, "Of an annotator's own threshold")
      ->capture_default_str();
  verb->add_option("--abstain-alpha", arguments->mitigate.abstain_alpha,
                   "Labels that the sets of `abstain` may miss; larger answers more")
      ->capture_default_str();
  verb->add_option("--bootstrap", arguments->mitigate.measure.num_replicates, "Replicates; 0: no intervals")
      ->capture_default_str();
  verb->add_option("-o,--output", arguments->output, "A directory for each strategy's predictions (.csv)");
  verb->callback([&options, arguments] { mitigate(options, *arguments); });
}

}  // namespace lathe::cli
