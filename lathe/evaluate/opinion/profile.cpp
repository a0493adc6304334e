#include "lathe/evaluate/opinion/profile.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"

namespace lathe::evaluate::opinion {
namespace {

// Of each annotator, the share of annotations that differ from the reference of their row; NaN without any.
template <typename Reference>
std::vector<double> disagreement(const data::Annotations& annotations, const Reference& reference) {
  const auto num_annotators = static_cast<size_t>(annotations.num_annotators());
  std::vector<double> differ(num_annotators, 0), answered(num_annotators, 0);
  for (size_t row = 0; row < annotations.label.size(); ++row) {
    const int32_t expected = reference(row);
    if (expected == kNoMajority) continue;
    const auto annotator = static_cast<size_t>(annotations.annotator[row]);
    differ[annotator] += annotations.label[row] != expected;
    ++answered[annotator];
  }
  for (size_t a = 0; a < num_annotators; ++a) differ[a] /= answered[a];  // 0/0 is NaN
  return differ;
}

}  // namespace

Profile profile(const data::Annotations& annotations, TieRule ties) {
  Profile result;
  result.votes = count_votes(annotations);
  const Votes& votes = result.votes;
  bool several = false;
  result.agreement.reserve(static_cast<size_t>(votes.num_items));
  std::vector<double> totals;
  for (int64_t item = 0; item < votes.num_items; ++item) {
    const auto total = static_cast<double>(votes.total(item));
    several |= total > 1;
    totals.push_back(total);
    const int32_t* counts = votes.of(item);
    result.agreement.push_back(static_cast<double>(*std::max_element(counts, counts + votes.num_classes)) /
                               total);
  }
  if (!several)
    throw InputError(
        "no item has two annotations: these labels are aggregated, and nobody's own opinion is left to "
        "measure; give one line for each annotator's answer");
  result.majority = majority(votes, ties);
  result.disagreement = disagreement(
      annotations, [&](size_t row) { return result.majority[static_cast<size_t>(annotations.item[row])]; });
  const std::vector<int32_t> others = leave_one_out_majority(annotations, votes, ties);
  result.disagreement_with_others = disagreement(annotations, [&](size_t row) { return others[row]; });
  result.popularity.reserve(annotations.label.size());
  for (size_t row = 0; row < annotations.label.size(); ++row) {
    const int32_t item = annotations.item[row];
    result.popularity.push_back(static_cast<double>(votes.of(item)[annotations.label[row]]) /
                                totals[static_cast<size_t>(item)]);
  }
  return result;
}

}  // namespace lathe::evaluate::opinion
