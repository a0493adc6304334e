#pragma once
#include <array>
#include <vector>

#include "lathe/data/annotations.h"
#include "lathe/evaluate/votes.h"

namespace lathe::evaluate::subjective {

// What is averaged over annotations. `others` counts only where there are others, which `has_others` counts.
enum AnnotationColumn : size_t {
  kCorrect,       // the model's answer is the annotator's
  kCrossEntropy,  // -ln of the probability that the model gives it, at least 1e-7
  kPrior,         // the most frequent label of all is the annotator's
  kSingle,        // the sample's most frequent label is: the best any single answer can do
  kGroup,         // the most frequent label of the sample within the annotator's group is
  kOthers,        // the majority of the sample's other annotators is
  kHasOthers,
  kCost,
  kNumAnnotationColumns
};
// What is averaged over samples, each with the weight of its annotations; p the shares of the labels, q the
// mean of the model's probabilities.
enum SampleColumn : size_t {
  kMajority,       // the label of the largest q is the majority (of the whole table)
  kShareEntropy,   // -sum p ln q
  kJensenShannon,  // of p and q, in bits, in [0, 1]
  kBrier,          // sum (p - q)²
  kShareError,     // sum |p - q| / C
  kNumSampleColumns
};

// The annotations that a model answered, and the samples and annotators of them, renumbered.
struct Judged {
  std::vector<int32_t> items, annotators;  // their numbers in the table
  std::vector<int64_t> offsets;            // [items + 1]
  std::vector<int32_t> annotator;          // [annotations], into annotators
  std::vector<std::array<float, kNumAnnotationColumns>> columns;
  std::vector<std::array<float, kNumSampleColumns>> sample_columns;  // [items]
  // Ordinal labels: ranks of the label and of the model's expected class among those of the annotator.
  std::vector<std::array<float, 2>> ranks;
  int64_t size() const { return static_cast<int64_t>(annotator.size()); }
};

struct JudgeOptions {
  TieRule ties = TieRule::published;
  std::vector<double> costs;  // [label, answer]; empty: kCost is 0
};
// groups: of the annotators, for kGroup. Throws InputError for predictions that do not fit the table, labels
// without classes, and costs that are not one for each pair of classes.
Judged judge(const data::Annotations& annotations, const OpinionPredictions& predictions,
             const data::Attribute& groups, const JudgeOptions& options = {});

}  // namespace lathe::evaluate::subjective
