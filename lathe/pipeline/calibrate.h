#pragma once
#include <nlohmann/json.hpp>

#include "lathe/nn/classifier.h"
#include "lathe/pipeline/options.h"

namespace lathe::pipeline {

// Fits the scaling that the pipeline asks for on the tuning part of the held-out examples, and makes it part
// of the model. What was fitted, for the stage's details: {"method", "weights", "biases", "examples"}; null
// where nothing was.
nlohmann::json calibrate(nn::Classifier& model, const data::Dataset& holdout, const PipelineOptions& options);

}  // namespace lathe::pipeline
