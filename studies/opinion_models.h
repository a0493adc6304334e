#pragma once
#include <string>
#include <vector>

#include "lathe/data/opinions.h"
#include "lathe/pipeline/study.h"
#include "lathe/train/opinion/fit.h"

// What the studies of opinions share: people made up, their labels split by item, and models with equal
// budgets.
namespace lathe::studies::opinions {

struct World {
  data::Opinions opinions;
  train::opinion::OpinionInputs inputs;
  data::AnnotationSplit split;  // by item: 75 % train, 25 % judge
  const data::Annotations& table() const { return opinions.annotations; }
};
World make_world(const data::OpinionOptions& options, core::Seed seed);

// The best of six fits (train::opinion::candidates) by the loss on a tenth of the training items.
evaluate::OpinionPredictions tuned_predictions(const World& world, const train::opinion::FitOptions& options,
                                               const pipeline::StudyContext& context, core::Seed seed);

double accuracy(const World& world, const evaluate::OpinionPredictions& predictions);
// The conventional protocol: predictions against the majority of all of the item's annotations, and the same
// of what the model says most people answer (what a model of persons would be asked for if one answer were
// wanted).
double majority_accuracy(const World& world, const evaluate::OpinionPredictions& predictions);
double pooled_majority_accuracy(const World& world, const evaluate::OpinionPredictions& predictions);

double mean(const std::vector<double>& values);
double least(const std::vector<double>& values);
std::string spread(const std::vector<double>& values);  // "0.68 to 0.70"

}  // namespace lathe::studies::opinions
