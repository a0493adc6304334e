#include "lathe/evaluate/opinion/oracles.h"

#include <algorithm>

namespace lathe::evaluate::opinion {
namespace {

// The table with an item for each item and group that meet: votes on it are votes within groups. Its items
// are in no order, but annotations of one item and annotator stay side by side.
data::Annotations items_by_group(const data::Annotations& annotations, const data::Attribute& groups) {
  data::Annotations result;
  result.scale = annotations.scale;
  result.annotators = annotations.annotators;
  result.annotator = annotations.annotator;
  result.label = annotations.label;
  std::vector<int32_t> cell(groups.values.size(), -1);
  std::vector<size_t> used;
  int32_t num_cells = 0, before = -1;
  for (size_t row = 0; row < annotations.item.size(); ++row) {
    if (annotations.item[row] != before) {
      for (const size_t group : used) cell[group] = -1;
      used.clear();
      before = annotations.item[row];
    }
    const auto group = static_cast<size_t>(groups.codes[static_cast<size_t>(annotations.annotator[row])]);
    if (cell[group] < 0) {
      cell[group] = num_cells++;
      used.push_back(group);
    }
    result.item.push_back(cell[group]);
  }
  result.items.resize(static_cast<size_t>(num_cells));
  return result;
}

template <typename LabelOf>
OpinionPredictions predictions_by(const data::Annotations& annotations, const std::vector<int64_t>& rows,
                                  const LabelOf& label_of) {
  std::vector<int32_t> labels;
  labels.reserve(rows.size());
  for (const int64_t row : rows) labels.push_back(label_of(static_cast<size_t>(row)));
  return certain_predictions(rows, labels, annotations.scale.num_classes());
}

int32_t most_frequent_label(const data::Annotations& annotations) {
  std::vector<int64_t> counts(static_cast<size_t>(annotations.scale.num_classes()), 0);
  for (const int32_t label : annotations.label) ++counts[static_cast<size_t>(label)];
  return static_cast<int32_t>(std::max_element(counts.begin(), counts.end()) - counts.begin());
}

std::vector<int32_t> majority_of_others(const data::Annotations& annotations, const Profile& profile) {
  std::vector<int32_t> labels = leave_one_out_majority(annotations, profile.votes);
  std::replace(labels.begin(), labels.end(), kNoMajority, most_frequent_label(annotations));
  return labels;
}

}  // namespace

OpinionPredictions certain_predictions(const std::vector<int64_t>& rows, const std::vector<int32_t>& labels,
                                       int64_t num_classes) {
  OpinionPredictions result{rows, num_classes, {}};
  result.probabilities.assign(rows.size() * static_cast<size_t>(num_classes), 0);
  for (size_t i = 0; i < rows.size(); ++i)
    result.probabilities[i * static_cast<size_t>(num_classes) + static_cast<size_t>(labels[i])] = 1;
  return result;
}

OpinionPredictions majority_oracle(const data::Annotations& annotations, const Profile& profile,
                                   const std::vector<int64_t>& rows) {
  return predictions_by(annotations, rows, [&](size_t row) {
    return profile.majority[static_cast<size_t>(annotations.item[row])];
  });
}

OpinionPredictions others_oracle(const data::Annotations& annotations, const Profile& profile,
                                 const std::vector<int64_t>& rows) {
  const std::vector<int32_t> labels = majority_of_others(annotations, profile);
  return predictions_by(annotations, rows, [&](size_t row) { return labels[row]; });
}

OpinionPredictions group_oracle(const data::Annotations& annotations, const data::Attribute& groups,
                                const std::vector<int64_t>& rows) {
  const data::Annotations by_group = items_by_group(annotations, groups);
  const std::vector<int32_t> labels = majority(count_votes(by_group));
  return predictions_by(annotations, rows,
                        [&](size_t row) { return labels[static_cast<size_t>(by_group.item[row])]; });
}

OpinionPredictions group_others_oracle(const data::Annotations& annotations, const Profile& profile,
                                       const data::Attribute& groups, const std::vector<int64_t>& rows) {
  const data::Annotations by_group = items_by_group(annotations, groups);
  const std::vector<int32_t> labels = leave_one_out_majority(by_group, count_votes(by_group));
  const std::vector<int32_t> of_all = majority_of_others(annotations, profile);
  return predictions_by(annotations, rows,
                        [&](size_t row) { return labels[row] == kNoMajority ? of_all[row] : labels[row]; });
}

OpinionPredictions share_oracle(const data::Annotations& annotations, const Profile& profile,
                                const std::vector<int64_t>& rows) {
  const Votes& votes = profile.votes;
  OpinionPredictions result{rows, votes.num_classes, {}};
  result.probabilities.reserve(rows.size() * static_cast<size_t>(votes.num_classes));
  for (const int64_t row : rows) {
    const int64_t item = annotations.item[static_cast<size_t>(row)];
    const auto total = static_cast<float>(votes.total(item));
    for (int64_t c = 0; c < votes.num_classes; ++c)
      result.probabilities.push_back(static_cast<float>(votes.of(item)[c]) / total);
  }
  return result;
}

}  // namespace lathe::evaluate::opinion
