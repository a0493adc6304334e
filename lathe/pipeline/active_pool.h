#pragma once
#include "lathe/core/seed.h"
#include "lathe/evaluate/active/pool.h"
#include "lathe/nn/classifier.h"

namespace lathe::pipeline {

// Examples as a pool, with what a trained classifier says about them: ids are their rows, counted from 0. For
// BALD, members of the network's dropout posterior (`num_members`, Gal & Ghahramani 2016), drawn from `seed`.
// Throws InputError where BALD is asked of a model without dropout before its last layer.
evaluate::active::Pool active_pool(nn::Classifier& model, const data::Dataset& examples,
                                   evaluate::active::Acquisition acquisition, core::Seed seed,
                                   int64_t num_members = 100);

// Of the dropout before the last layer. Throws InputError where there is none.
double dropout_of(const nn::Classifier& model);

std::vector<int64_t> labels_of(const data::Dataset& examples);

}  // namespace lathe::pipeline
