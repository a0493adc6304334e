#pragma once
#include <memory>
#include <string>

#include "lathe/core/interrupt.h"
#include "lathe/data/dataset.h"
#include "lathe/evaluate/checklist/prediction.h"
#include "lathe/nn/classifier.h"
#include "lathe/nn/span_model.h"

namespace lathe::studies::checklist {

struct Recipe {
  std::string name;   // for people
  std::string model;  // a [model] table
  double lr = 1e-3;   // of AdamW
  double epochs = 3;
};
const std::vector<Recipe>& review_recipes();  // bag of words, GRU, transformer
const Recipe& pair_recipe();

// Examples of a source's name, split and encoded.
data::Splits encoded_splits(const std::string& source, core::Seed seed);

// Trained with batches of 64 and a one-cycle schedule.
std::shared_ptr<nn::Classifier> train_classifier(const Recipe& recipe, const data::Splits& splits,
                                                 core::Seed seed, const core::StopToken& stop);
double accuracy(nn::Classifier& model, const data::Dataset& dataset);

// A model of where an answer stands in a passage.
struct Comprehension {
  std::shared_ptr<nn::Model> model;
  double exact_match = 0;  // on passages that were not trained on
  evaluate::checklist::Predictor predictor;
};
Comprehension train_comprehension(int64_t num_passages, double epochs, double lr, core::Seed seed,
                                  const core::StopToken& stop);

}  // namespace lathe::studies::checklist
