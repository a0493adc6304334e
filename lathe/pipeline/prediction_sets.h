#pragma once
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {

// What the evaluate stage measures of probabilities and prediction sets, on the test examples.

// "ece_uncalibrated", and both reliability curves for the report.
void measure_calibration(const nn::Classifier& model, const torch::Tensor& logits,
                         const torch::Tensor& targets, StageReport& report);

// Fits sets on the held-out examples (holdout_parts) and measures them: coverage, mean_set_size, and those of
// naive and APS sets beside them. Writes evaluate/conformal.json and pictures of small and large sets.
struct SplitLogits {
  torch::Tensor holdout, test;
};
void measure_sets(const StageContext& context, const nn::Classifier& model, const data::Splits& splits,
                  const SplitLogits& logits, StageReport& report);

// The sets of a bundle; throws InputError where it has none.
evaluate::conformal::Conformal bundle_sets(const Bundle& bundle);

}  // namespace lathe::pipeline
