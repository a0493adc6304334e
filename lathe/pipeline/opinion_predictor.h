#pragma once
#include <memory>

#include "lathe/evaluate/votes.h"
#include "lathe/nn/classifier.h"

namespace lathe::pipeline {

// Throws InputError where the table has no texts, a model of such data takes none or several, or their
// classes do not have the same names.
void check_opinion_model(const data::Schema& schema, const data::Annotations& annotations);

// A text classifier's one answer to everybody: the probabilities of each item's text, for every annotation.
// Refuses as check_opinion_model() does.
evaluate::OpinionPredictions predict_opinions(nn::Classifier& model, const data::Annotations& annotations);

}  // namespace lathe::pipeline
