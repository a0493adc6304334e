#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/texts.h"

namespace lathe::evaluate::checklist {

// What a model should answer: a class, or a text (an answer span).
struct Label {
  int64_t index = -1;  // of the suite's classes; -1: none
  std::string text;
  bool operator==(const Label& other) const { return index == other.index && text == other.text; }
};

// What a model answers.
struct Prediction {
  int64_t label = -1;  // class index; -1: none
  std::string text;    // spans
  // Probabilities by class; or one number, the confidence in `label`; or nothing.
  std::vector<float> confidence;
  bool operator==(const Prediction& other) const {
    return label == other.label && text == other.text && confidence == other.confidence;
  }
};

// A model: one prediction for every example.
using Predictor = std::function<std::vector<Prediction>(const std::vector<Example>&)>;

}  // namespace lathe::evaluate::checklist
