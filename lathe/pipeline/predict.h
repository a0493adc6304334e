#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/data/inputs.h"
#include "lathe/nn/classifier.h"

namespace lathe::pipeline {

struct Prediction {
  std::string input;  // "shoe.png", "table.csv:3"
  std::string label;
  double probability = 0;
  std::vector<double> probabilities;  // of every class, in the schema's order
};

// Classifies every example of the files with a trained classifier.
std::vector<Prediction> predict(nn::Classifier& model, const data::Inputs& inputs);

}  // namespace lathe::pipeline
