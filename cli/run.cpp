#include <fmt/format.h>

#include <iostream>

#include "cli/processes.h"
#include "cli/verb.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/stages.h"
#include "lathe/pipeline/training.h"
#include "lathe/train/scale_plan.h"
#include "lathe/train/threads.h"

namespace lathe::cli {

core::Table metrics_table(const std::vector<pipeline::StageReport>& reports) {
  core::Table table({"stage", "metric", "split", "value", "unit"});
  for (const auto& report : reports)
    for (const auto& m : report.metrics) table.add({report.stage, m.name, m.split, m.value, m.unit});
  return table;
}

namespace {

struct RunArguments {
  std::string file, bundle, last;
  bool resume = false, fresh = false, plan = false;
};

void plan(const Options& options, const core::Config& config) {
  const pipeline::PipelineOptions pipeline = pipeline::pipeline_options(config);
  const data::Source source = data::load_source(pipeline.source, pipeline.source_options);
  const data::Splits splits = pipeline::splits_of(source, pipeline);
  const core::Seed seed(pipeline.seed);
  const auto model = nn::build(config.section("model"), source.train.schema, seed.stream("model"));
  config.reject_unknown();
  model->fit_inputs(splits.train.inputs);
  model->to(pipeline::parse_device(options.device));
  if (options.threads != "auto") train::set_compute_threads(std::stoi(options.threads));
  const train::ScalePlan plan = train::plan_scales(model, pipeline.optim, pipeline.train, splits.train,
                                                   seed.stream("plan"), core::process_stop_token());
  const double batch = static_cast<double>(pipeline.train.batch_size) / pipeline.train.schedule_scale;
  core::Table table({"scale", "batch", "gain", "steps", "fewer steps"});
  for (const auto& row : plan.rows)
    table.add({{row.scale, 0},
               {row.scale * batch, 0},
               {row.gain, 2},
               {row.steps, 0},
               {static_cast<double>(plan.schedule_steps) / row.steps, 2}});
  print(options, {{"plan", table}});
  if (!options.json)
    std::cout << fmt::format(
        "\nFrom {} steps of {}: gradient noise scale {:.3g} batches. Noise grows while a model learns, so "
        "the "
        "steps are an upper bound. To use a scale: train.batch_size and [optim.adascale] scale.\n",
        plan.probe_steps, plan.schedule_steps, plan.moments.variance / plan.moments.squared_mean);
}

void run(const Options& options, const RunArguments& arguments) {
  const core::Config config = load_config(options, arguments.file);
  if (arguments.plan) return plan(options, config);
  pipeline::JobOptions job_settings = job_options(options);
  job_settings.fresh = arguments.fresh;
  job_settings.communicator = process_communicator();
  if (job_settings.communicator && job_settings.communicator->rank() > 0) {
    core::Progress::set_quiet(true);
    return train_along(pipeline::Setup(config, job_settings), core::process_stop_token());
  }
  const std::filesystem::path bundle =
      arguments.bundle.empty() ? config.text("name", "lathe") + ".bundle" : arguments.bundle;
  pipeline::Job job(config, bundle, job_settings);

  std::vector<pipeline::StageOutcome> outcomes;
  job.record([&] { outcomes = pipeline::run_stages(job, arguments.last); });
  if (std::none_of(outcomes.begin(), outcomes.end(),
                   [](const auto& outcome) { return outcome.report.stage == "train" && !outcome.skipped; }))
    announce_end(job.setup());

  core::Table stages({"stage", "seconds", "state"});
  std::vector<pipeline::StageReport> reports;
  for (const auto& outcome : outcomes) {
    const char* done = outcome.report.details.contains("skipped") ? "skipped" : "done";
    stages.add({outcome.report.stage, {outcome.report.seconds, 1}, outcome.skipped ? "unchanged" : done});
    reports.push_back(outcome.report);
  }
  print(options, {{"stages", stages}, {"metrics", metrics_table(reports)}});
  if (options.json || !job.bundle().has("report.html")) return;
  const std::string name = bundle.string();
  const bool pictures = job.bundle().has("evaluate/mistakes/00.png");
  std::cout << fmt::format("\nReport: {}/report.html\nNext:\n", name)
            << fmt::format("  lathe predict {} {}\n", name,
                           pictures ? name + "/evaluate/mistakes/00.png" : "YOUR_FILE")
            << fmt::format("  lathe run {} --bundle second.bundle --seed 1\n", arguments.file)
            << "  lathe runs list\n";
}

CLI::App* add_pipeline_verb(CLI::App& app, Options& options, const std::string& name,
                            const std::string& description, const std::string& example,
                            const std::shared_ptr<RunArguments>& arguments) {
  CLI::App* verb = add_verb(app, options, name, description, example);
  verb->add_option("pipeline", arguments->file, "The pipeline file (TOML)")->required()->type_name("P.toml");
  verb->add_option("--bundle", arguments->bundle,
                   "The bundle's directory (default: NAME.bundle, NAME from the pipeline)");
  CLI::Option* resume =
      verb->add_flag("--resume", arguments->resume,
                     "Go on from an interrupted run's checkpoint (the default where there is one)");
  verb->add_flag("--fresh", arguments->fresh, "Ignore such a checkpoint")->excludes(resume);
  verb->callback([&options, arguments] { run(options, *arguments); });
  return verb;
}

}  // namespace

void add_run(CLI::App& app, Options& options) {
  add_pipeline_verb(app, options, "run", "Run every stage of a pipeline that is out of date",
                    "lathe run examples/fashion_mnist.toml", std::make_shared<RunArguments>());
}

void add_train(CLI::App& app, Options& options) {
  auto arguments = std::make_shared<RunArguments>();
  arguments->last = "train";
  CLI::App* verb = add_pipeline_verb(
      app, options, "train", "Run a pipeline up to the trained model",
      "lathe train examples/fashion_mnist.toml --set train.epochs=1\n"
      "  lathe train examples/continual.toml         # tasks learned in turn: [train.continual]",
      arguments);
  verb->add_flag("--plan", arguments->plan,
                 "Measure the gradient noise and say how many steps AdaScale would need with larger batches");
}

}  // namespace lathe::cli
