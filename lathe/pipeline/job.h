#pragma once
#include <torch/types.h>

#include <memory>
#include <optional>

#include "lathe/core/config.h"
#include "lathe/core/interrupt.h"
#include "lathe/core/run_store.h"
#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/nn/classifier.h"
#include "lathe/optim/optimizer.h"
#include "lathe/pipeline/bundle.h"
#include "lathe/train/trainer.h"

namespace lathe::pipeline {

struct EvaluateOptions {
  int64_t top_k = 5;
  int64_t mistakes = 24;                                  // pictures in the gallery of the worst mistakes
  std::optional<evaluate::conformal::Options> conformal;  // where there is an [evaluate.conformal] table
};

// How the trained model's logits are scaled so that its probabilities are right, by the tuning part of the
// held-out examples.
enum class Calibration {
  automatic,  // temperature, where the tuning part has at least 100 examples
  none,
  temperature,
  vector,
  platt  // two classes
};

// A pipeline file, read whole: every option of every stage, so that a typo stops the job before any work.
struct PipelineOptions {
  std::string name;
  std::string source;
  data::SourceOptions source_options;
  data::SplitOptions split;
  double tuning = 0.3;  // of the held-out examples; Angelopoulos et al. 2021, §3.1: "a small set"
  double label_noise = 0;
  optim::OptimizerOptions optim;
  train::TrainOptions train;
  Calibration calibration = Calibration::automatic;
  EvaluateOptions evaluate;
  uint64_t seed = 0;
};
PipelineOptions pipeline_options(const core::Config& config);

// The source's examples as the pipeline trains and measures on them: split, wrong labels among those to
// train.
data::Splits splits_of(const data::Source& source, const PipelineOptions& options);

// The held-out examples in two: choices after training (the logits' scaling, the rule of prediction sets) are
// made on `tuning`; `calibration` sets the thresholds of prediction sets and takes part in no choice.
struct HoldoutParts {
  torch::Tensor tuning, calibration;  // int64, rows of the held-out set
};
HoldoutParts holdout_parts(int64_t num_holdout, const PipelineOptions& options);

struct JobOptions {
  std::string threads = "auto";  // a number, or auto: the faster of one and all
  std::string device = "cpu";
  bool fresh = false;  // ignore a checkpoint
};

// What the stages of one pipeline share: its options, its bundle, the data (read once, when first asked for).
class Job {
 public:
  // Reads the configuration, the data and the model's description; throws InputError for what is wrong with
  // them.
  Job(core::Config config, const std::filesystem::path& bundle, const JobOptions& options);

  const core::Config& config() const { return config_; }
  const PipelineOptions& options() const { return options_; }
  Bundle& bundle() { return bundle_; }
  core::Seed seed() const { return core::Seed(options_.seed); }
  const data::Source& source() const { return source_; }
  const data::Splits& splits() const { return splits_; }
  torch::Device device() const { return device_; }
  const std::string& threads() const { return threads_; }
  bool fresh() const { return fresh_; }
  core::StopToken stop() const { return core::process_stop_token(); }
  std::shared_ptr<nn::Classifier> new_model() const;  // initialised, inputs fitted, on the device

  void log(const std::vector<core::Metric>& metrics);  // to the run store

  // Records the job in the run store while `work` runs: running, then finished, interrupted or failed.
  void record(const std::function<void()>& work);

 private:
  Bundle open_bundle(const std::filesystem::path& directory) const;

  core::Config config_;
  PipelineOptions options_;
  data::Source source_;
  data::Splits splits_;
  torch::Device device_;
  std::string threads_;
  bool fresh_;
  Bundle bundle_;
  core::RunStore store_;
  std::optional<int64_t> run_;
};

torch::Device parse_device(
    const std::string& name);  // cpu, cuda, cuda:1; throws InputError when it is not there

}  // namespace lathe::pipeline
