#include "lathe/pipeline/options.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/compile/compile.h"
#include "lathe/core/error.h"
#include "lathe/evaluate/conformal/config.h"
#include "lathe/pipeline/active_stage.h"
#include "lathe/pipeline/checklist_stage.h"
#include "lathe/pipeline/opinion_stage.h"

namespace lathe::pipeline {

using core::Range;

static Calibration parse_calibration(const core::Config& train) {
  static const std::map<std::string, Calibration> kNames = {{"auto", Calibration::automatic},
                                                            {"none", Calibration::none},
                                                            {"platt", Calibration::platt},
                                                            {"temperature", Calibration::temperature},
                                                            {"vector", Calibration::vector}};
  std::vector<std::string> names;
  for (const auto& [name, value] : kNames) names.push_back(name);
  return kNames.at(train.choice("calibration", "auto", names));
}

// Every part of the batch that has a point of its own needs micro-batches of its own.
static train::SubspaceOptions subspace_options(const core::Config& train, PipelineOptions& o) {
  const core::Config table = train.section("subspace");
  const train::SubspaceOptions options = train::subspace_options(table);
  if (o.train.average_decay > 0)
    table.fail("kind", "does not go with train.average_decay: the midpoint is an average already");
  if (options.samples > 1) {
    if (o.train.batch_size % options.samples != 0)
      table.fail("samples", fmt::format("must divide train.batch_size = {}, got {}", o.train.batch_size,
                                        options.samples));
    const int64_t part = o.train.batch_size / options.samples;
    if (o.train.micro_batch == 0) o.train.micro_batch = part;
    if (part % o.train.micro_batch != 0)
      table.fail("samples", fmt::format("= {} parts of {} do not hold whole micro-batches of {}",
                                        options.samples, part, o.train.micro_batch));
  }
  return options;
}

static ContinualPipeline continual_options(const core::Config& train, const PipelineOptions& o) {
  const core::Config table = train.section("continual");
  const ContinualPipeline continual = continual_pipeline(table);
  if (o.subspace)
    table.fail("method",
               "does not go with [train.subspace]: weights between endpoints were never trained, so what "
               "they saw is not known");
  if (o.groups)
    table.fail("method",
               "does not go with [train.groups]: parts of classes are found in one task's examples");
  if (o.swa)
    table.fail("method",
               "does not go with [train.swa]: its average of weights is of one training, not of one a task");
  if (o.train.patience > 0 && continual.method.method == "joint")
    table.fail("method", "= \"joint\" does not go with train.patience: there is no held-out set of one task");
  return continual;
}

static MultitaskOptions multitask_options(const core::Config& optim, const PipelineOptions& o) {
  const core::Config table = optim.section("multitask");
  MultitaskOptions multitask = multitask_options(table);
  if (o.optim.adascale)
    table.fail("method",
               "does not go with [optim.adascale]: its gains are those of the plain mean of micro-batches");
  if (o.subspace)
    table.fail("method", "does not go with [train.subspace]: a gradient would belong to every endpoint");
  if (o.continual)
    table.fail("method", "does not go with [train.continual]: its tasks are learned one after another");
  if (o.train.average_decay > 0 && !multitask.auxiliary.empty())
    table.fail("auxiliary",
               "does not go with train.average_decay: averaged statistics of batch norm would mix the tasks");
  if (o.groups && !multitask.auxiliary.empty())
    table.fail("auxiliary", "does not go with [train.groups]: its parts are those of one head's classes");
  return multitask;
}

static CompileStageOptions compile_options(const core::Config& compile) {
  CompileStageOptions o;
  std::vector<std::string> targets = compile::targets();
  targets.insert(targets.begin(), "host");
  o.enabled = compile.flag("enabled", compile::has_code_generator());
  o.target = compile.choice("target", o.target, targets);
  o.opt_level = compile.integer("opt_level", o.opt_level, {.min = 0, .max = 3});
  o.measure = compile.flag("measure", o.measure);
  o.externals = compile.choice("externals", o.externals, {"none", "auto", "always"});
  o.cache = compile.flag("cache", o.cache);
  o.threads = compile.integer("threads", o.threads, {.min = 1, .max = 1024});
  o.quantize = compile.choice("quantize", o.quantize, {"none", "int8"});
  o.calibration = compile.choice("calibration", o.calibration, {"min_max", "percentile", "kl"});
  o.calibration_examples =
      compile.integer("calibration_examples", o.calibration_examples, {.min = 1, .max = 100000});
  o.max_accuracy_drop = compile.number("max_accuracy_drop", o.max_accuracy_drop, {.min = 0, .max = 1});
  return o;
}

PipelineOptions pipeline_options(const core::Config& config) {
  PipelineOptions o;
  o.name = config.text("name", "lathe");
  o.seed = static_cast<uint64_t>(config.integer("seed", 0, Range::at_least(0)));
  const core::Config data = config.section("data");
  o.source = data.text("source");
  o.source_options.image_size = data.integer("image_size", 0, Range::at_least(0));
  o.source_options.skip_unreadable = data.flag("skip_unreadable", false);
  o.split.holdout = data.number("holdout", o.split.holdout, Range::positive());
  o.split.test = data.number("test", o.split.test, Range::positive());
  o.split.subset = data.integer("subset", 0, Range::at_least(0));
  o.tuning = data.number("tuning", o.tuning, {.min = 0, .max = 1, .open_min = true, .open_max = true});
  o.label_noise = data.number("label_noise", 0, Range::unit());
  o.optim = optim::optimizer_options(config.section("optim"));
  o.train = train::train_options(config.section("train"), o.optim);
  o.calibration = parse_calibration(config.section("train"));
  if (config.section("train").has("subspace")) o.subspace = subspace_options(config.section("train"), o);
  if (config.section("train").has("groups")) {
    const core::Config groups = config.section("train").section("groups");
    o.groups = train::invariance::invariance_options(groups);
    if (o.train.label_smoothing > 0)
      groups.fail("method", "does not go with train.label_smoothing: its losses are those of hard labels");
  }
  if (config.section("train").has("swa")) {
    const core::Config swa = config.section("train").section("swa");
    o.swa = train::swa_options(swa, o.optim.lr);
    if (o.train.average_decay > 0 || o.subspace)
      swa.fail("mode", "does not go with train.average_decay or [train.subspace]: one average is kept");
  }
  if (config.section("train").has("continual")) o.continual = continual_options(config.section("train"), o);
  if (config.section("optim").has("multitask")) o.multitask = multitask_options(config.section("optim"), o);
  o.compile = compile_options(config.section("compile"));
  const core::Config evaluate = config.section("evaluate");
  o.evaluate.top_k = evaluate.integer("top_k", o.evaluate.top_k, Range::at_least(1));
  o.evaluate.mistakes = evaluate.integer("mistakes", o.evaluate.mistakes, Range::at_least(0));
  if (evaluate.has("conformal"))
    o.evaluate.conformal = evaluate::conformal::conformal_options(
        evaluate.section("conformal"), {.alpha = 0.05, .seed = core::Seed(o.seed).stream("sets").value()});
  if (evaluate.has("active")) o.evaluate.active = active_stage_options(evaluate.section("active"), o.seed);
  if (evaluate.has("checklist")) o.evaluate.checklist = checklist_options(evaluate.section("checklist"));
  if (evaluate.has("opinion")) o.evaluate.opinion = opinion_options(evaluate.section("opinion"));
  return o;
}

HoldoutParts holdout_parts(int64_t num_holdout, const PipelineOptions& options) {
  const std::vector<int64_t> order =
      core::Seed(options.seed).stream("tuning").random().permutation(num_holdout);
  const auto count =
      std::clamp<int64_t>(std::llround(options.tuning * static_cast<double>(num_holdout)),
                          std::min<int64_t>(1, num_holdout), std::max<int64_t>(0, num_holdout - 1));
  const torch::Tensor rows = torch::tensor(order, torch::kInt64);
  return {rows.slice(0, 0, count), rows.slice(0, count)};
}

data::Splits splits_of(const data::Source& source, const PipelineOptions& options) {
  const core::Seed seed(options.seed);
  data::Splits splits = data::split(source, options.split, seed.stream("split"));
  if (options.label_noise > 0)
    splits.train =
        data::corrupt_labels(splits.train, options.label_noise, seed.stream("label noise")).dataset;
  return splits;
}

torch::Device parse_device(const std::string& name) {
  try {
    const torch::Device device(name);
    if (device.is_cuda() && !torch::cuda::is_available())
      throw InputError("--device {}: this libtorch sees no CUDA device; use --device cpu", name);
    return device;
  } catch (const c10::Error&) {
    throw InputError("--device must be cpu, cuda or cuda:N, got {}", name);
  }
}

}  // namespace lathe::pipeline
