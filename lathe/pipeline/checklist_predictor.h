#pragma once
#include <memory>

#include "lathe/evaluate/checklist/suite.h"
#include "lathe/nn/classifier.h"

namespace lathe::pipeline {

// Throws InputError where a model of such data takes no texts, or other ones than the suite has, or has other
// classes.
void check_fits(const evaluate::checklist::Suite& suite, const data::Schema& schema);

// A text classifier as a model under test: probabilities in the order of the suite's classes. Refuses as
// check_fits does.
evaluate::checklist::Predictor classifier_predictor(std::shared_ptr<nn::Classifier> model,
                                                    const evaluate::checklist::Suite& suite);

}  // namespace lathe::pipeline
