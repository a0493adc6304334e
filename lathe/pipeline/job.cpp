#include "lathe/pipeline/job.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/conformal/config.h"

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
  const core::Config evaluate = config.section("evaluate");
  o.evaluate.top_k = evaluate.integer("top_k", o.evaluate.top_k, Range::at_least(1));
  o.evaluate.mistakes = evaluate.integer("mistakes", o.evaluate.mistakes, Range::at_least(0));
  if (evaluate.has("conformal"))
    o.evaluate.conformal = evaluate::conformal::conformal_options(
        evaluate.section("conformal"), {.alpha = 0.05, .seed = core::Seed(o.seed).stream("sets").value()});
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

Job::Job(core::Config config, const std::filesystem::path& bundle, const JobOptions& options)
    : config_(std::move(config)),
      options_(pipeline_options(config_)),
      source_(data::load_source(options_.source, options_.source_options)),
      splits_(splits_of(source_, options_)),
      device_(parse_device(options.device)),
      threads_(options.threads),
      fresh_(options.fresh),
      bundle_(open_bundle(bundle)) {}

// Reads the model's table too before a bundle is made, so that a typo anywhere leaves no trace.
Bundle Job::open_bundle(const std::filesystem::path& directory) const {
  new_model();
  if (const int64_t classes = source_.train.schema.num_classes();
      options_.calibration == Calibration::platt && classes != 2)
    config_.section("train").fail(
        "calibration",
        fmt::format("= \"platt\" is for two classes, there are {}; \"vector\" takes any", classes));
  config_.reject_unknown();
  return Bundle::open_for_writing(directory);
}

std::shared_ptr<nn::Classifier> Job::new_model() const {
  auto model = nn::build(config_.section("model"), source_.train.schema, seed().stream("model"));
  model->fit_inputs(splits_.train.inputs);
  model->to(device_);
  return model;
}

void Job::log(const std::vector<core::Metric>& metrics) {
  if (run_) store_.log(*run_, metrics);
}

void Job::record(const std::function<void()>& work) {
  run_ = store_.start(options_.name, "run",
                      {{"pipeline", config_.resolved()}, {"bundle", bundle_.path().string()}});
  try {
    work();
    store_.add_artifact(*run_, "bundle", std::filesystem::absolute(bundle_.path()));
    store_.finish(*run_, "finished");
  } catch (const Interrupted& interruption) {
    store_.finish(*run_, "interrupted", interruption.what());
    throw;
  } catch (const std::exception& error) {
    store_.finish(*run_, "failed", error.what());
    throw;
  }
}

}  // namespace lathe::pipeline
