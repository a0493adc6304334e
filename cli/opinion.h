#pragma once
#include <string>
#include <vector>

#include "cli/annotations.h"
#include "lathe/evaluate/opinion/explain.h"

// What the methods of `lathe evaluate opinion` share.
namespace lathe::cli {

struct OpinionInput {
  AnnotationArguments table;
  std::vector<std::string> predictions;  // FILE, BUNDLE, NAME=FILE or NAME=BUNDLE
  std::vector<std::string> criteria, metrics = {"accuracy"};
  std::string ties = "published";
  bool leave_one_out = false;
  evaluate::opinion::MeasureOptions measure;
};
void add_opinion_input(CLI::App& verb, OpinionInput& input);

struct OpenedOpinions {
  data::Annotations annotations;
  evaluate::opinion::Profile profile;
  std::vector<evaluate::opinion::NamedPredictions> models;
  evaluate::opinion::MeasureOptions options;
};
// Warns on stderr of annotations that a file does not predict: they are not measured.
OpenedOpinions open_opinions(const Options& options, const OpinionInput& input);

void add_opinion_measure(CLI::App& opinion, Options& options);
void add_opinion_explain(CLI::App& opinion, Options& options);
void add_opinion_plot(CLI::App& opinion, Options& options);
void add_opinion_compare(CLI::App& opinion, Options& options);
void add_opinion_mitigate(CLI::App& opinion, Options& options);

}  // namespace lathe::cli
