#include <torch/torch.h>

#include "cli/active.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/active_pool.h"
#include "lathe/pipeline/bundle_data.h"
#include "lathe/train/active_learning.h"
#include "lathe/train/threads.h"

namespace lathe::cli {
namespace {

namespace active = evaluate::active;

struct RunArguments {
  std::string bundle, page;
  double confidence = 0.95;
  ActiveArguments how;
};

void simulate(const Options& options, const RunArguments& arguments) {
  const active::ActiveOptions how = active_options(options, arguments.how, {});
  const BundlePool bundle = bundle_pool(options, arguments.bundle, how);
  const active::Truth truth{bundle.pool, pipeline::labels_of(bundle.examples)};
  const active::State state = active::simulate(bundle.pool, truth.labels, how);
  print_report(options, active::report(state, {.confidence = arguments.confidence}, &truth), arguments.page,
               std::filesystem::path(arguments.bundle).filename().string());
}

struct DiagnoseArguments {
  std::string bundle;
  int64_t repeats = 5, pool = 2000, steps = 200;
  ActiveArguments how;
};

data::Dataset some(const data::Dataset& dataset, int64_t count, core::Seed seed) {
  const auto order = seed.random().permutation(dataset.size());
  return dataset.select(torch::tensor(order, torch::kInt64).slice(0, 0, count));
}

// Learners are networks as the bundle's pipeline describes them.
train::Diagnosis diagnose(const pipeline::Setup& setup, const DiagnoseArguments& arguments,
                          const active::ActiveOptions& how) {
  const core::Seed seed(how.seed);
  const data::Dataset pool = some(setup.splits().train, arguments.pool, seed.stream("pool"));
  const data::Dataset clean = some(setup.splits().test, arguments.pool, seed.stream("clean"));
  const auto make_model = [&](core::Seed own) {
    auto model = nn::build(setup.config().section("model"), pool.schema, own);
    model->fit_inputs(pool.inputs);
    model->to(setup.device());
    return model;
  };
  const double dropout =
      how.acquisition == active::Acquisition::kBald ? pipeline::dropout_of(*make_model(seed)) : 0;
  core::Progress progress("diagnose", arguments.repeats, "runs");
  int64_t runs = 0;
  const train::Diagnosis diagnosis = train::diagnose(
      pool.size(),
      [&](core::Seed own) {
        progress.update(runs++);
        train::Learner learner = train::classifier_learner(pool, clean,
                                                           {.make_model = make_model,
                                                            .steps = arguments.steps,
                                                            .acquisition = how.acquisition,
                                                            .dropout = dropout},
                                                           own);
        learner.train = [train = learner.train](const auto& points, const auto& weights) {
          const core::QuietProgress quiet;  // one bar for all trainings
          train(points, weights);
        };
        return learner;
      },
      {.proposal = how.proposal, .start = how.start, .budget = how.budget, .batch = how.batch},
      arguments.repeats, seed.stream("diagnose"), core::process_stop_token());
  progress.finish();
  return diagnosis;
}

void diagnose_bundle(const Options& options, const DiagnoseArguments& arguments) {
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  const active::ActiveOptions how =
      active_options(options, arguments.how, {.acquisition = active::Acquisition::kEntropy, .budget = 70});
  const pipeline::Setup setup =
      pipeline::bundle_setup(pipeline::Bundle::open(arguments.bundle), job_options(options), options.set);
  const train::Diagnosis d = diagnose(setup, arguments, how);
  core::Table biases({"part of the gap", "mean", "std error"}),
      runs({"run", "overfitting", "active learning"}), advice({"for", "weights", "why"});
  biases.add({"overfitting: r − R_LURE", d.overfitting.mean, d.overfitting.standard_error})
      .add({"active learning: R_LURE − plain", d.active_learning.mean, d.active_learning.standard_error});
  for (size_t i = 0; i < d.runs.size(); ++i)
    runs.add({static_cast<int64_t>(i) + 1, d.runs[i].overfitting, d.runs[i].active_learning});
  advice.add({"training", to_string(d.recommended), d.reason})
      .add({"evaluation", "lure",
            "estimates from chosen labels are biased without weights, whatever the model"});
  print(options, {{"biases", biases}, {"runs", runs}, {"advice", advice}});
}

}  // namespace

void add_active_learn(CLI::App& parent, Options& options) {
  auto run = std::make_shared<RunArguments>();
  CLI::App* verb =
      add_verb(parent, options, "run",
               "Plays an active test on a bundle's test labels: what so many labels say, beside the "
               "truth from all of them",
               "lathe evaluate active run fashion-mnist.bundle --budget 200 --output active.html");
  verb->add_option("bundle", run->bundle, "A bundle")->required();
  verb->add_option("--output", run->page, "Also write a page with charts")->type_name("PAGE.html");
  verb->add_option("--confidence", run->confidence, "Of intervals")
      ->check(CLI::Range(0.5, 0.9999))
      ->capture_default_str();
  add_active_options(*verb, run->how);
  verb->callback([&options, run] { simulate(options, *run); });

  auto diagnose = std::make_shared<DiagnoseArguments>();
  verb = add_verb(parent, options, "diagnose",
                  "Learns actively several times, and says whether weights would help the training",
                  "lathe evaluate active diagnose fashion-mnist.bundle --repeats 3 --budget 40 --batch 10");
  verb->add_option("bundle", diagnose->bundle, "A bundle: its model's description and its data")->required();
  verb->add_option("--repeats", diagnose->repeats, "Runs")->check(CLI::Range(2, 1000))->capture_default_str();
  verb->add_option("--pool", diagnose->pool,
                   "At most so many training examples to choose from, and test examples")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--steps", diagnose->steps, "Of Adam, for each training")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--batch", diagnose->how.batch, "Labels between two trainings; default 10");
  add_active_options(*verb, diagnose->how);
  verb->callback([&options, diagnose] { diagnose_bundle(options, *diagnose); });
}

}  // namespace lathe::cli
