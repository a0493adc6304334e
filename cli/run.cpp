#include <fmt/format.h>

#include <iostream>

#include "cli/processes.h"
#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/pipeline/checklist_stage.h"
#include "lathe/pipeline/stages.h"
#include "lathe/pipeline/text_data.h"
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
  const data::Splits splits = pipeline::encode_texts(pipeline::splits_of(source, pipeline), config);
  const core::Seed seed(pipeline.seed);
  const auto model = nn::build(config.section("model"), splits.train.schema, seed.stream("model"));
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

// What to predict on: a picture of the bundle, a text, or the user's own file.
std::string something_to_predict(const pipeline::Bundle& bundle, const std::string& name) {
  if (bundle.has("evaluate/mistakes/00.png")) return name + "/evaluate/mistakes/00.png";
  const data::Schema schema = data::schema_from_json(bundle.json("data.json").at("schema"));
  return schema.fields.size() == 1 ? "--text \"YOUR TEXT\"" : "YOUR_FILE";
}

void print_next(const pipeline::Bundle& bundle, const std::string& name, const std::string& file) {
  std::cout << fmt::format("\nReport: {}/report.html\nNext:\n", name)
            << fmt::format("  lathe predict {} {}\n", name, something_to_predict(bundle, name))
            << fmt::format("  lathe run {} --bundle second.bundle --seed 1\n", file) << "  lathe runs list\n";
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
  std::optional<GateError> exceeded;  // said last: the bundle and its report are whole
  try {
    job.record([&] {
      outcomes = pipeline::run_stages(job, arguments.last);
      if (arguments.last.empty()) pipeline::check_gates(job.bundle());
    });
  } catch (const GateError& error) {
    exceeded = error;
  }
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
  if (!options.json && job.bundle().has("report.html"))
    print_next(job.bundle(), bundle.string(), arguments.file);
  if (exceeded) throw *exceeded;
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
