#pragma once
#include "lathe/nn/classifier.h"
#include "lathe/pipeline/bundle.h"
#include "lathe/pipeline/options.h"

namespace lathe::pipeline {

// What a train stage says of any training: size and cost of the model, steps, times, learning curves, and how
// batches and steps were made. Metrics and details, for the stage to add its own.
struct TrainingFacts {
  nlohmann::json calibration;  // of calibrate()
  int threads = 1, processes = 1;
};
StageReport training_report(const nn::Classifier& model, const nn::Cost& cost, const train::FitReport& fit,
                            const TrainingFacts& facts, const PipelineOptions& options);

}  // namespace lathe::pipeline
