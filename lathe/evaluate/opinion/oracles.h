#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/profile.h"

// Predictors that know the answers: how well anybody's opinions could be served by the answer of a crowd.
namespace lathe::evaluate::opinion {

// Probability 1 for a label of each row.
OpinionPredictions certain_predictions(const std::vector<int64_t>& rows, const std::vector<int32_t>& labels,
                                       int64_t num_classes);

// The majority of the item: an annotator's accuracy on all of their annotations is 1 − ADR.
OpinionPredictions majority_oracle(const data::Annotations& annotations, const Profile& profile,
                                   const std::vector<int64_t>& rows);
// The majority of everybody else who answered the item; where there is nobody, the most frequent label of
// all. What a person's own vote adds to the majority is not in it.
OpinionPredictions others_oracle(const data::Annotations& annotations, const Profile& profile,
                                 const std::vector<int64_t>& rows);
// The majority of the annotator's group on the item; an annotator who is alone in it is always right.
OpinionPredictions group_oracle(const data::Annotations& annotations, const data::Attribute& groups,
                                const std::vector<int64_t>& rows);
// The majority of the others of the group; where there is nobody, that of all others.
OpinionPredictions group_others_oracle(const data::Annotations& annotations, const Profile& profile,
                                       const data::Attribute& groups, const std::vector<int64_t>& rows);
// Each label's share of the item's votes: the best that one answer to all can be in probability.
OpinionPredictions share_oracle(const data::Annotations& annotations, const Profile& profile,
                                const std::vector<int64_t>& rows);

}  // namespace lathe::evaluate::opinion
