#pragma once
#include <cstdint>
#include <vector>

#include "lathe/data/annotations.h"
#include "lathe/evaluate/votes.h"

namespace lathe::evaluate::opinion {

// How often predictions are what each annotator said: the unit in which a person is served well or badly.
struct AnnotatorAccuracy {
  std::vector<int64_t> correct, answered;  // [annotators]; answered 0: nothing of theirs was predicted
  double overall() const;                  // of all annotations; NaN where there are none
  double of(int64_t annotator) const;      // NaN likewise
};
// Throws InputError for predictions of other annotations, or other classes, than the table has.
AnnotatorAccuracy annotator_accuracy(const data::Annotations& annotations,
                                     const OpinionPredictions& predictions);

// That predictions fit a table: rows ascending and in range, as many probabilities as rows and classes.
// Throws InputError.
void check_predictions(const data::Annotations& annotations, const OpinionPredictions& predictions);

}  // namespace lathe::evaluate::opinion
