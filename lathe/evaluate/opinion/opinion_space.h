#pragma once
#include <cstdint>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/evaluate/opinion/profile.h"

// Who answers like whom, from the residuals R[a, (i, c)] = 1[a said c of i] − the share of i's votes for c,
// and 0 where a did not answer i, that is, with what is missing filled in by the item's mean.
namespace lathe::evaluate::opinion {

// The first two principal components of the annotators' rows.
struct OpinionMap {
  std::vector<double> x, y;                 // [annotators]
  double explained_x = 0, explained_y = 0;  // share of the sum of squares
};
OpinionMap opinion_map(const data::Annotations& annotations, const Profile& profile, core::Seed seed);

// Annotators and items in the order of the leading singular vectors of R, rows divided by the root of the
// annotator's number of answers and columns by that of the item's (the spectral co-clustering of Dhillon
// 2001, §4, on residuals), cut into clusters of equal size.
struct CoClusters {
  int64_t num_clusters = 0;
  std::vector<int32_t> annotator, item;  // cluster of each; -1 without answers
};
CoClusters co_cluster(const data::Annotations& annotations, const Profile& profile, int64_t num_clusters,
                      core::Seed seed);
// Both throw InputError for fewer than three annotators.

}  // namespace lathe::evaluate::opinion
