#pragma once
#include <cstdint>
#include <vector>

#include "lathe/data/annotations.h"
#include "lathe/evaluate/votes.h"
#include "lathe/math/bootstrap.h"

// How far annotators agree with each other, and with themselves.
namespace lathe::evaluate {

// How far apart two labels are. Classes whose names are all numbers have those values, others their indices.
enum class Distance { nominal, ordinal, interval };
Distance natural_distance(data::LabelScale::Kind kind);  // real: interval

std::vector<double> class_values(const data::LabelScale& scale);

// Krippendorff's alpha = 1 - D_o / D_e (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"):
// with the coincidences o_ck = sum over items u of (pairs of labels c, k of different annotators) / (m_u -
// 1), n_c = sum_k o_ck, n = sum_c n_c, and the squared distances
//   nominal [c != k],  ordinal (sum_{c <= g <= k} n_g - (n_c + n_k) / 2)²,  interval (c - k)²,
// D_o = sum o_ck d²_ck / n and D_e = sum n_c n_k d²_ck / (n (n - 1)). 1: all agree; 0: as chance would have
// it. Only the first answer of an annotator to an item counts, and only items with two annotators.
struct Alpha {
  double alpha = 0;  // NaN where nothing could differ: fewer than two labels, or all the same
  double observed = 0, expected = 0;      // D_o, D_e
  int64_t num_items = 0, num_labels = 0;  // those that can be compared
};
// All throw InputError for real labels with a distance other than interval.
Alpha krippendorff(const data::Annotations& annotations, Distance distance);
// Of each group of annotators by itself, groups.codes beside the annotators; codes of -1 are in no group.
std::vector<Alpha> krippendorff_by_group(const data::Annotations& annotations, Distance distance,
                                         const data::Attribute& groups);
// Of all annotators, then of each group, by the two-way bootstrap. An item or annotator that is drawn twice
// counts twice, but nobody is compared with a copy of themselves: item u with the weights w of its annotators
// has sum_{j != j'} w_j w_j' pairs, and counts sum w.
std::vector<math::TwoWayEstimate> krippendorff_intervals(const data::Annotations& annotations,
                                                         Distance distance, const data::Attribute& groups,
                                                         const math::BootstrapOptions& options = {});

// Of one item, NaN where it has no votes (agreement: fewer than two).
struct ItemAgreement {
  double agreement = 0;      // share of pairs of votes that agree
  double largest_share = 0;  // of the most frequent class
  double entropy = 0;        // of the shares, in bits
};
std::vector<ItemAgreement> item_agreement(const Votes& votes);

// Annotators who were asked the same again, later answers compared with the first. Throws InputError for
// repeats in a table of fewer than two items or annotators.
struct SelfConsistency {
  int64_t num_repeats = 0, num_annotators = 0;  // 0: nobody was asked twice, all else is NaN
  math::TwoWayEstimate rate;                    // same answer
  // (rate - p) / (1 - p), p the rate of answers drawn independently of the item; of real labels, the
  // intraclass correlation of first and later answer.
  math::TwoWayEstimate kappa;
};
SelfConsistency self_consistency(const data::Annotations& annotations,
                                 const math::BootstrapOptions& options = {});

}  // namespace lathe::evaluate
