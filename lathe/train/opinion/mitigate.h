#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/measure.h"
#include "lathe/evaluate/opinion/mitigation.h"
#include "lathe/train/opinion/fit.h"

namespace lathe::train::opinion {

// What is done about opinions that are not served; each is fitted to the training annotations only.
struct Strategy {
  std::string name, what;
};
//   majority           one answer, of the majority: what is done mostly
//   all                one answer, of all annotations
//   balanced-popularity, balanced-disagreement, balanced-groups   likewise, bins of equal mass
//   robust-disagreement, robust-groups                            likewise, group-DRO on the bins
//   thresholds         likewise, and a threshold for each annotator with enough labels of their own (two
//   classes) abstain            likewise, no answer where the conformal set of level `abstain_alpha` has more
//   than one label group, person      models that know who is asked
const std::vector<Strategy>& strategies();

struct MitigateOptions {
  std::vector<std::string> strategies;  // names; empty: all that fit the table
  std::vector<std::string> attributes;  // of groups and of the models that know them; empty: all there are
  evaluate::opinion::Criterion criterion =
      evaluate::opinion::Criterion::annotator_disagreement;  // of F and G
  int64_t min_labels = 20;                                   // of an annotator's own threshold
  double abstain_alpha = 0.2;                                // ours
  evaluate::opinion::MeasureOptions measure;
  core::StopToken stop;
};

struct Mitigated {
  std::string strategy;
  evaluate::OpinionPredictions predictions;  // of the test annotations that it answers
  double answered = 1;                       // share of them
  evaluate::opinion::Measurement measurement;
  bool on_front =
      false;  // no other strategy has more of both F and G, nor as much of one and more of the other
};
// All strategies with the same training annotations, and the same choice of penalties for each; never one
// "best". Throws InputError for unknown strategies and attributes, and thresholds of more than two classes.
std::vector<Mitigated> mitigate(const OpinionInputs& inputs, const data::Annotations& annotations,
                                const data::AnnotationSplit& split, const MitigateOptions& options,
                                core::Seed seed);

}  // namespace lathe::train::opinion
