#pragma once
#include <cstdint>
#include <vector>

#include "lathe/data/annotations.h"

namespace lathe::evaluate {

// How many gave each item each class.
struct Votes {
  int64_t num_items = 0, num_classes = 0;
  std::vector<int32_t> counts;  // [num_items, num_classes]
  const int32_t* of(int64_t item) const { return counts.data() + item * num_classes; }
  int64_t total(int64_t item) const;
};
// Throws InputError for real labels, which have no classes.
Votes count_votes(const data::Annotations& annotations);

// Which of the classes with the most votes is the majority: two classes, the second (positive at a mean of
// 1/2 or more); more classes, the first. The rule of Balayn, Bozzon & Szlávik's code.
enum class TieRule { published, lowest, highest };

constexpr int32_t kNoMajority = -1;  // nobody voted

std::vector<int32_t> majority(const Votes& votes, TieRule ties = TieRule::published);  // [num_items]

// Of each annotation, the majority of its item among the others' annotations; kNoMajority where there are
// none.
std::vector<int32_t> leave_one_out_majority(const data::Annotations& annotations, const Votes& votes,
                                            TieRule ties = TieRule::published);

// A model's answers to some of the annotations: a distribution over the classes for each.
struct OpinionPredictions {
  std::vector<int64_t> rows;  // indices of annotations, ascending, none twice
  int64_t num_classes = 0;
  std::vector<float> probabilities;  // [rows, num_classes]
  const float* of(int64_t i) const { return probabilities.data() + i * num_classes; }
};
// The most probable class of each row; ties: the lowest.
std::vector<int32_t> predicted_labels(const OpinionPredictions& predictions);

struct PredictionFile {
  OpinionPredictions predictions;
  int64_t num_missing = 0;                 // annotations without a prediction
  std::vector<std::string> first_missing;  // "item 17, annotator w3"; at most five
};
// A .csv, .tsv or .jsonl file with columns item, annotator, and label or prob_0 … prob_{C-1} (or prob_NAME of
// each class): what the model says this annotator answers; without a column annotator, its one answer to
// everybody. Throws InputError with file:line for an item or annotator that the table does not have, a row
// twice, a label outside the classes, and probabilities that are negative, not finite or do not sum to 1
// (within 1e-3).
PredictionFile read_opinion_predictions(const std::filesystem::path& file,
                                        const data::Annotations& annotations);
// Throws InputError with the count and the first ones when predictions are missing.
OpinionPredictions complete(PredictionFile file);

}  // namespace lathe::evaluate
