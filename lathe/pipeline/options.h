#pragma once
#include <torch/types.h>

#include <map>
#include <optional>
#include <string>

#include "lathe/core/config.h"
#include "lathe/data/dataset.h"
#include "lathe/evaluate/active/options.h"
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/evaluate/opinion/measure.h"
#include "lathe/optim/optimizer.h"
#include "lathe/pipeline/continual_tasks.h"
#include "lathe/pipeline/multitask.h"
#include "lathe/train/invariance/options.h"
#include "lathe/train/stochastic_weight_average.h"
#include "lathe/train/subspace.h"
#include "lathe/train/trainer.h"

namespace lathe::pipeline {

// [evaluate.checklist]: a suite of behavioural tests that the model is run on.
struct ChecklistOptions {
  std::string suite;      // a suite's file, or the name of a ready one
  double fail_above = 1;  // a test that fails more often ends the run with exit code 3; 1: none does
  std::map<std::string, double> gates;  // likewise, of capabilities and tests by name
  int64_t cases_per_test = 500;         // at most; the paper's released suites ran 500
};

// [evaluate.opinion]: answers of several people to texts, that the model's are measured on.
struct OpinionStageOptions {
  data::AnnotationFiles files;
  evaluate::opinion::MeasureOptions measure;
};

struct EvaluateOptions {
  int64_t top_k = 5;
  int64_t mistakes = 24;                                  // pictures in the gallery of the worst mistakes
  std::optional<evaluate::conformal::Options> conformal;  // where there is an [evaluate.conformal] table
  std::optional<ChecklistOptions> checklist;              // [evaluate.checklist]
  std::optional<evaluate::active::ActiveOptions> active;  // [evaluate.active]
  std::optional<OpinionStageOptions> opinion;             // [evaluate.opinion]
};

// [compile]: the trained model as native code.
struct CompileStageOptions {
  bool enabled = true;  // where this build has a code generator
  std::string target = "host";
  int64_t opt_level = 3;
  bool measure = false;                    // choose among variants of kernels by timing them
  std::string externals = "auto";          // kernels of other libraries: none, auto (measured), always
  int64_t threads = 1;                     // of the measurements
  bool cache = true;                       // kernels of earlier runs are used again
  bool check_passes = false;               // `lathe compile --check-passes`
  std::string quantize = "none";           // "int8": layers in bytes where accuracy allows
  std::string calibration = "percentile";  // of their ranges: min_max, percentile, kl
  int64_t calibration_examples = 256;      // of the training examples
  double max_accuracy_drop = 0.01;         // on held-out examples; the most sensitive layers stay in f32
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
  std::optional<train::SubspaceOptions> subspace;              // where there is a [train.subspace] table,
  std::optional<train::invariance::InvarianceOptions> groups;  // [train.groups],
  std::optional<train::SwaOptions> swa;                        // [train.swa],
  std::optional<ContinualPipeline> continual;                  // [train.continual],
  std::optional<MultitaskOptions> multitask;                   // [optim.multitask]
  Calibration calibration = Calibration::automatic;
  CompileStageOptions compile;
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

torch::Device parse_device(
    const std::string& name);  // cpu, cuda, cuda:1; throws InputError when it is not there

}  // namespace lathe::pipeline
