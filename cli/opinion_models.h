#pragma once
#include "cli/annotations.h"
#include "lathe/train/opinion/fit.h"

// What the verbs that train models of opinions share.
namespace lathe::cli {

struct OpinionModelArguments {
  AnnotationArguments table;
  std::vector<std::string> attributes;
  std::string split_by = "item";
  double test_share = 0.25;
  int64_t longest_ngram = 5, num_features = 1500;
};
void add_opinion_model_options(CLI::App& verb, OpinionModelArguments& arguments);

struct OpinionJob {
  data::Annotations annotations;
  data::AnnotationSplit split;
  train::opinion::OpinionInputs inputs;  // features of the table, or n-grams of the texts (of training items)
  core::Seed seed;
};
OpinionJob open_opinion_job(const Options& options, const OpinionModelArguments& arguments);

}  // namespace lathe::cli
