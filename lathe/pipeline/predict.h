#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lathe/data/inputs.h"
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/nn/classifier.h"

namespace lathe::pipeline {

struct Prediction {
  std::string input;  // "shoe.png", "table.csv:3"
  std::string label;
  double probability = 0;
  std::vector<double> probabilities;  // of every class, in the schema's order
  // With sets: the labels that hold the true one with probability 1 − α, the most probable first.
  std::optional<std::vector<std::string>> set = {};
};

// Classifies every example of the files with a trained classifier; with `sets`, prediction sets too.
std::vector<Prediction> predict(nn::Classifier& model, const data::Inputs& inputs,
                                const evaluate::conformal::Conformal* sets = nullptr);

// The same of logits [N, classes] that are there already.
std::vector<Prediction> predictions_of(const torch::Tensor& logits, const std::vector<std::string>& names,
                                       const std::vector<std::string>& classes,
                                       const evaluate::conformal::Conformal* sets = nullptr);

}  // namespace lathe::pipeline
