#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/bins.h"

// What reduces the exclusion of opinions and needs no trainer.
namespace lathe::evaluate::opinion {

// What annotations get equal mass by: bins of popularity or of their annotator's disagreement, or groups.
enum class Balance { popularity, disagreement, groups };
std::string to_string(Balance balance);
Balance parse_balance(const std::string& name);  // throws InputError with the nearest name

// Weights with which every bin that has members has the same total, at most max_weight each; what the bound
// takes from a small bin is shared by the others, so that the mean weight stays 1 as far as the bound allows.
// bin: [n], -1 has the weight 1. Throws InputError for max_weight < 1.
std::vector<double> equal_mass_weights(const std::vector<int32_t>& bin, double max_weight = 5);

// Of some annotations (to train on). The bound of 5 is ours.
std::vector<double> balanced_weights(const data::Annotations& annotations, const Profile& profile,
                                     const std::vector<int64_t>& rows, Balance balance,
                                     const BinOptions& options = {}, double max_weight = 5);

// Two classes: for each annotator the share t from which on the positive class is predicted, the one that is
// right most often about their own labels (of those between the predicted shares; the nearest to 1/2), or 1/2
// for annotators with fewer than min_labels. `predictions` are of annotations that nothing is measured on.
// Throws InputError for more classes.
std::vector<double> personal_thresholds(const data::Annotations& annotations,
                                        const OpinionPredictions& predictions, int64_t min_labels = 20);
// Moves each annotator's threshold to 1/2: logit p becomes logit p − logit t.
OpinionPredictions apply_thresholds(const data::Annotations& annotations, OpinionPredictions predictions,
                                    const std::vector<double>& thresholds);

// What no other point beats: at least as good in both and better in one. Indices, ascending.
struct FairnessPoint {
  double general = 0, fairness = 0;
};
std::vector<size_t> pareto_front(const std::vector<FairnessPoint>& points);

}  // namespace lathe::evaluate::opinion
