#include "lathe/evaluate/subjective/judged.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/agreement.h"
#include "lathe/evaluate/opinion/accuracy.h"
#include "lathe/math/rank.h"

namespace lathe::evaluate::subjective {
namespace {

constexpr double kSmallestProbability = 1e-7;

double minus_log(double probability) {
  return -std::log(std::max(probability, kSmallestProbability));
}

template <typename T>
int32_t first_largest(const T* values, size_t n) {
  return static_cast<int32_t>(std::max_element(values, values + n) - values);
}

std::array<float, kNumSampleColumns> sample_columns(const std::vector<double>& p,
                                                    const std::vector<double>& q, int32_t majority) {
  double entropy = 0, divergence = 0, brier = 0, error = 0;
  for (size_t c = 0; c < p.size(); ++c) {
    const double middle = (p[c] + q[c]) / 2;
    entropy += p[c] > 0 ? p[c] * minus_log(q[c]) : 0;
    if (p[c] > 0) divergence += p[c] * std::log2(p[c] / middle) / 2;
    if (q[c] > 0) divergence += q[c] * std::log2(q[c] / middle) / 2;
    brier += (p[c] - q[c]) * (p[c] - q[c]);
    error += std::abs(p[c] - q[c]) / static_cast<double>(p.size());
  }
  std::array<float, kNumSampleColumns> columns{};
  columns[kMajority] = first_largest(q.data(), q.size()) == majority ? 1 : 0;
  columns[kShareEntropy] = static_cast<float>(entropy);
  columns[kJensenShannon] = static_cast<float>(divergence);
  columns[kBrier] = static_cast<float>(brier);
  columns[kShareError] = static_cast<float>(error);
  return columns;
}

// The columns of one sample's annotations, which begin at `begin`.
class SamplePass {
 public:
  SamplePass(const data::Annotations& annotations, const OpinionPredictions& predictions,
             const data::Attribute& groups, const JudgeOptions& options)
      : annotations_(annotations),
        predictions_(predictions),
        groups_(groups),
        options_(options),
        classes_(static_cast<size_t>(annotations.scale.num_classes())),
        answers_(predicted_labels(predictions)) {
    const Votes votes = count_votes(annotations);
    majority_ = majority(votes, options.ties);
    others_ = leave_one_out_majority(annotations, votes, options.ties);
    std::vector<int64_t> totals(classes_);
    for (const int64_t row : predictions.rows) ++totals[label_of(row)];
    prior_ = first_largest(totals.data(), classes_);
  }

  void add(size_t begin, size_t end, Judged& judged) {
    counts_.assign(classes_ * (groups_.values.size() + 1), 0);
    std::vector<double> p(classes_), q(classes_);
    const double share = 1 / static_cast<double>(end - begin);
    for (size_t i = begin; i < end; ++i) {
      const int64_t row = predictions_.rows[i];
      const size_t label = label_of(row);
      ++counts_[label];
      ++counts_[group_of(row) * classes_ + label];
      p[label] += share;
      for (size_t c = 0; c < classes_; ++c)
        q[c] += share * static_cast<double>(predictions_.of(static_cast<int64_t>(i))[c]);
    }
    const int32_t item = annotations_.item[static_cast<size_t>(predictions_.rows[begin])];
    const int32_t best = first_largest(counts_.data(), classes_);
    for (size_t i = begin; i < end; ++i) {
      const auto row = static_cast<size_t>(predictions_.rows[i]);
      const int32_t label = annotations_.label[row], answer = answers_[i];
      const int32_t of_group = first_largest(&counts_[group_of(predictions_.rows[i]) * classes_], classes_);
      std::array<float, kNumAnnotationColumns>& columns = judged.columns.emplace_back();
      columns[kCorrect] = answer == label ? 1 : 0;
      columns[kCrossEntropy] =
          static_cast<float>(minus_log(predictions_.of(static_cast<int64_t>(i))[static_cast<size_t>(label)]));
      columns[kPrior] = prior_ == label ? 1 : 0;
      columns[kSingle] = best == label ? 1 : 0;
      columns[kGroup] = of_group == label ? 1 : 0;
      columns[kOthers] = others_[row] == label ? 1 : 0;
      columns[kHasOthers] = others_[row] != kNoMajority ? 1 : 0;
      if (!options_.costs.empty())
        columns[kCost] = static_cast<float>(
            options_.costs[static_cast<size_t>(label) * classes_ + static_cast<size_t>(answer)]);
    }
    judged.items.push_back(item);
    judged.sample_columns.push_back(sample_columns(p, q, majority_[static_cast<size_t>(item)]));
  }

 private:
  size_t label_of(int64_t row) const {
    return static_cast<size_t>(annotations_.label[static_cast<size_t>(row)]);
  }
  size_t group_of(int64_t row) const {  // from 1
    return static_cast<size_t>(
        groups_.codes[static_cast<size_t>(annotations_.annotator[static_cast<size_t>(row)])] + 1);
  }

  const data::Annotations& annotations_;
  const OpinionPredictions& predictions_;
  const data::Attribute& groups_;
  const JudgeOptions& options_;
  size_t classes_;
  std::vector<int32_t> answers_, majority_, others_;
  int32_t prior_ = 0;
  std::vector<int64_t> counts_;  // of everybody, then of each group
};

// Numbers the annotators that occur from 0.
void renumber_annotators(Judged& judged, size_t num_annotators) {
  std::vector<int32_t> number(num_annotators, -1);
  for (const int32_t annotator : judged.annotator) number[static_cast<size_t>(annotator)] = 0;
  for (size_t a = 0; a < num_annotators; ++a)
    if (number[a] == 0) {
      number[a] = static_cast<int32_t>(judged.annotators.size());
      judged.annotators.push_back(static_cast<int32_t>(a));
    }
  for (int32_t& annotator : judged.annotator) annotator = number[static_cast<size_t>(annotator)];
}

std::vector<std::array<float, 2>> ranks_of(const data::Annotations& annotations,
                                           const OpinionPredictions& predictions, const Judged& judged) {
  const std::vector<double> values = class_values(annotations.scale);
  std::vector<std::vector<size_t>> rows(judged.annotators.size());
  for (size_t i = 0; i < judged.annotator.size(); ++i)
    rows[static_cast<size_t>(judged.annotator[i])].push_back(i);
  std::vector<std::array<float, 2>> ranks(judged.annotator.size());
  for (const std::vector<size_t>& of : rows) {
    std::vector<double> said, expected;
    for (const size_t i : of) {
      said.push_back(annotations.label[static_cast<size_t>(predictions.rows[i])]);
      double mean = 0;
      for (size_t c = 0; c < values.size(); ++c)
        mean += values[c] * static_cast<double>(predictions.of(static_cast<int64_t>(i))[c]);
      expected.push_back(mean);
    }
    const std::vector<double> x = math::ranks(said), y = math::ranks(expected);
    for (size_t k = 0; k < of.size(); ++k)
      ranks[of[k]] = {static_cast<float>(x[k]), static_cast<float>(y[k])};
  }
  return ranks;
}

}  // namespace

Judged judge(const data::Annotations& annotations, const OpinionPredictions& predictions,
             const data::Attribute& groups, const JudgeOptions& options) {
  opinion::check_predictions(annotations, predictions);
  const auto classes = static_cast<size_t>(annotations.scale.num_classes());
  if (predictions.rows.empty()) throw InputError("there is no prediction to judge");
  if (!options.costs.empty() && options.costs.size() != classes * classes)
    throw InputError("use.costs must be {} numbers, one for each pair of {} classes, got {}",
                     classes * classes, classes, options.costs.size());
  Judged judged;
  SamplePass pass(annotations, predictions, groups, options);
  judged.columns.reserve(predictions.rows.size());
  const auto item_of = [&](size_t i) { return annotations.item[static_cast<size_t>(predictions.rows[i])]; };
  for (size_t begin = 0; begin < predictions.rows.size();) {
    size_t end = begin + 1;
    while (end < predictions.rows.size() && item_of(end) == item_of(begin)) ++end;
    judged.offsets.push_back(static_cast<int64_t>(begin));
    pass.add(begin, end, judged);
    begin = end;
  }
  judged.offsets.push_back(static_cast<int64_t>(predictions.rows.size()));
  for (const int64_t row : predictions.rows)
    judged.annotator.push_back(annotations.annotator[static_cast<size_t>(row)]);
  renumber_annotators(judged, annotations.annotators.size());
  if (annotations.scale.kind == data::LabelScale::Kind::ordinal)
    judged.ranks = ranks_of(annotations, predictions, judged);
  return judged;
}

}  // namespace lathe::evaluate::subjective
