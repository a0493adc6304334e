#include "cli/active.h"

#include <iostream>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/nn/archive.h"
#include "lathe/pipeline/active_page.h"
#include "lathe/pipeline/active_pool.h"
#include "lathe/pipeline/bundle_data.h"
#include "lathe/train/threads.h"

namespace lathe::cli {

namespace active = evaluate::active;

void add_active_options(CLI::App& verb, ActiveArguments& arguments) {
  verb.add_option(
      "--acquisition", arguments.acquisition,
      "What makes a label worth having: rms-loss (default), expected-loss, entropy, bald, margin, "
      "least-confidence, random, given (the column `score`)");
  verb.add_option("--loss", arguments.loss,
                  "Of rms-loss and expected-loss: zero-one (default) or cross-entropy");
  verb.add_option("--proposal", arguments.proposal,
                  "From scores to probabilities: proportional (default), softmax, uniform, greedy");
  verb.add_option("--temperature", arguments.temperature,
                  "T of softmax: exp(T score / mean score); default 1");
  verb.add_option("--floor", arguments.floor,
                  "Share of uniform draws, so that no weight is above its inverse; default 0.1");
  verb.add_option("--estimator", arguments.estimator, "lure (default), pure, or none, which is biased");
  verb.add_option("--start", arguments.start, "Uniform draws to begin with; default 10");
  verb.add_option("--budget", arguments.budget, "Labels in all; default 200");
  verb.add_flag("--uniform-if-zero", arguments.uniform_if_zero, "Draw uniformly where all scores are 0");
}

active::ActiveOptions active_options(const Options& options, const ActiveArguments& arguments,
                                     active::ActiveOptions o) {
  if (arguments.acquisition) o.acquisition = active::parse_acquisition(*arguments.acquisition);
  if (arguments.loss) o.loss = active::parse_loss(*arguments.loss);
  if (arguments.proposal) o.proposal.kind = active::parse_proposal(*arguments.proposal);
  if (arguments.estimator) o.estimator = active::parse_estimator(*arguments.estimator);
  if (arguments.temperature) o.proposal.temperature = *arguments.temperature;
  if (arguments.floor) o.proposal.floor = *arguments.floor;
  if (arguments.start) o.start = *arguments.start;
  if (arguments.budget) o.budget = *arguments.budget;
  if (arguments.batch) o.batch = *arguments.batch;
  if (arguments.uniform_if_zero) o.proposal.zero_scores = active::ZeroScores::kUniform;
  if (options.seed) o.seed = *options.seed;
  active::check(o);
  return o;
}

BundlePool bundle_pool(const Options& options, const std::string& name, const active::ActiveOptions& how) {
  const auto bundle = pipeline::Bundle::open(name);
  if (!bundle.has("model.pt")) throw InputError("{} has no model.pt; `lathe train` makes one", name);
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  const auto model = nn::load(bundle.file("model.pt"));
  model->to(pipeline::parse_device(options.device));
  BundlePool result;
  result.examples = pipeline::bundle_splits(bundle, options.set).test;
  result.pool =
      pipeline::active_pool(*model, result.examples, how.acquisition, core::Seed(how.seed).stream("members"));
  return result;
}

void print_report(const Options& options, const active::Report& report, const std::string& page,
                  const std::string& title) {
  if (!page.empty()) {
    const std::string subtitle = fmt::format("active test, {} of {} labels, seed {}", report.num_used,
                                             report.num_pool, report.options.seed);
    core::write_file(page, pipeline::render_html(pipeline::active_page(report, title, subtitle)));
  }
  if (options.json) {
    std::cout << to_json(report).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return;
  }
  std::vector<NamedTable> tables = {{"summary", summary_table(report)}};
  if (!report.estimates.empty()) tables.push_back({"estimates", estimates_table(report)});
  if (!report.classes.empty()) tables.push_back({"classes", classes_table(report)});
  print(options, tables);
  for (const std::string& note : report.notes) std::cout << "\nNote: " << note << ".\n";
}

void add_active(CLI::App& evaluate, Options& options) {
  CLI::App* verb = evaluate.add_subcommand(
      "active", "Unbiased metrics from few labels: points are chosen by chance, and weights undo the choice");
  verb->footer(
      "Example:\n  lathe evaluate active run fashion-mnist.bundle --budget 200 --output active.html");
  verb->require_subcommand(1);
  add_active_ask(*verb, options);
  add_active_answer(*verb, options);
  add_active_learn(*verb, options);
}

}  // namespace lathe::cli
