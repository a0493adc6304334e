#include "lathe/evaluate/opinion/accuracy.h"

#include <cmath>
#include <numeric>

#include "lathe/core/error.h"

namespace lathe::evaluate::opinion {
namespace {

double share(int64_t part, int64_t whole) {
  return whole == 0 ? std::nan("") : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

double AnnotatorAccuracy::overall() const {
  return share(std::accumulate(correct.begin(), correct.end(), int64_t{0}),
               std::accumulate(answered.begin(), answered.end(), int64_t{0}));
}

double AnnotatorAccuracy::of(int64_t annotator) const {
  return share(correct.at(static_cast<size_t>(annotator)), answered.at(static_cast<size_t>(annotator)));
}

void check_predictions(const data::Annotations& annotations, const OpinionPredictions& predictions) {
  if (annotations.scale.classes.empty())
    throw InputError("opinions are measured by classes; the labels of this table are numbers");
  if (predictions.num_classes != annotations.scale.num_classes())
    throw InputError("the predictions have {} classes, the table has {}", predictions.num_classes,
                     annotations.scale.num_classes());
  if (predictions.probabilities.size() !=
      predictions.rows.size() * static_cast<size_t>(predictions.num_classes))
    throw InputError("{} probabilities for {} predictions of {} classes", predictions.probabilities.size(),
                     predictions.rows.size(), predictions.num_classes);
  int64_t before = -1;
  for (const int64_t row : predictions.rows) {
    if (row <= before || row >= annotations.size())
      throw InputError("predictions name annotations in ascending order below {}, got {} after {}",
                       annotations.size(), row, before);
    before = row;
  }
}

AnnotatorAccuracy annotator_accuracy(const data::Annotations& annotations,
                                     const OpinionPredictions& predictions) {
  check_predictions(annotations, predictions);
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  const auto num_annotators = static_cast<size_t>(annotations.num_annotators());
  AnnotatorAccuracy result{std::vector<int64_t>(num_annotators, 0), std::vector<int64_t>(num_annotators, 0)};
  for (size_t i = 0; i < predictions.rows.size(); ++i) {
    const auto row = static_cast<size_t>(predictions.rows[i]);
    const auto annotator = static_cast<size_t>(annotations.annotator[row]);
    result.correct[annotator] += annotations.label[row] == predicted[i];
    ++result.answered[annotator];
  }
  return result;
}

}  // namespace lathe::evaluate::opinion
