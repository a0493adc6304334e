#include "lathe/evaluate/votes.h"

#include <algorithm>
#include <numeric>

#include "lathe/core/error.h"

namespace lathe::evaluate {
namespace {

int32_t most_voted(const int32_t* counts, int64_t num_classes, TieRule ties) {
  const bool last = ties == TieRule::highest || (ties == TieRule::published && num_classes == 2);
  int32_t winner = kNoMajority, most = 0;
  for (int64_t c = 0; c < num_classes; ++c)
    if (counts[c] > most || (last && counts[c] == most && most > 0)) {
      winner = static_cast<int32_t>(c);
      most = counts[c];
    }
  return winner;
}

}  // namespace

int64_t Votes::total(int64_t item) const {
  return std::accumulate(of(item), of(item) + num_classes, int64_t{0});
}

Votes count_votes(const data::Annotations& annotations) {
  if (annotations.scale.kind == data::LabelScale::Kind::real)
    throw InputError(
        "votes need classes; these labels are real numbers: put them into bins, or use measures for numbers");
  Votes votes{.num_items = annotations.num_items(), .num_classes = annotations.scale.num_classes()};
  votes.counts.assign(static_cast<size_t>(votes.num_items * votes.num_classes), 0);
  for (size_t row = 0; row < annotations.item.size(); ++row)
    ++votes.counts[static_cast<size_t>(annotations.item[row] * votes.num_classes + annotations.label[row])];
  return votes;
}

std::vector<int32_t> majority(const Votes& votes, TieRule ties) {
  std::vector<int32_t> winners(static_cast<size_t>(votes.num_items));
  for (int64_t item = 0; item < votes.num_items; ++item)
    winners[static_cast<size_t>(item)] = most_voted(votes.of(item), votes.num_classes, ties);
  return winners;
}

std::vector<int32_t> leave_one_out_majority(const data::Annotations& annotations, const Votes& votes,
                                            TieRule ties) {
  std::vector<int32_t> winners(annotations.item.size());
  std::vector<int32_t> others(static_cast<size_t>(votes.num_classes));
  for (size_t begin = 0, end = 0; begin < winners.size(); begin = end) {
    // An annotator who was asked again leaves out all of the answers.
    end = begin + 1;
    while (end < winners.size() && annotations.item[end] == annotations.item[begin] &&
           annotations.annotator[end] == annotations.annotator[begin])
      ++end;
    std::copy_n(votes.of(annotations.item[begin]), votes.num_classes, others.begin());
    for (size_t row = begin; row < end; ++row) --others[static_cast<size_t>(annotations.label[row])];
    std::fill(winners.begin() + static_cast<std::ptrdiff_t>(begin),
              winners.begin() + static_cast<std::ptrdiff_t>(end),
              most_voted(others.data(), votes.num_classes, ties));
  }
  return winners;
}

}  // namespace lathe::evaluate
