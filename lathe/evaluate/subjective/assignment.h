#pragma once
#include <cstdint>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::evaluate::subjective {

// rate · annotations, rounded down.
int64_t num_repeats_of(int64_t num_annotations, double repeat_rate);

struct AssignmentGroup {
  int64_t num_annotators = 0;
  int64_t quota = 0;  // of them for each sample
};
struct AssignmentOptions {
  std::vector<AssignmentGroup> groups;
  double repeat_rate = 0;  // share of each annotator's samples that are asked again, at the end
  core::Seed seed{0};
};
struct AssignedSample {
  int32_t sample = 0, annotator = 0;  // annotators are counted through the groups
  int32_t pass = 1;
  int32_t position = 0;  // when the annotator is asked, from 0
};
struct Assignment {
  std::vector<AssignedSample> rows;  // by annotator, then position
  // No annotator sees more than one sample more than another of the group, in all and in any stratum; so
  // everybody meets every stratum but those that are too small (num_samples · quota < num_annotators):
  std::vector<int32_t> small_strata;
};
// Who is asked about which sample, when: incomplete blocks, balanced by asking those of a group who have seen
// the fewest samples of this stratum, then of all, ties at random, so that neighbours meet by chance; then
// each annotator's samples in a random order. stratum[i] is that of sample i. Throws InputError for a quota
// above the annotators there are, negative strata, no sample, and repeat_rate outside [0, 1].
Assignment assign(const std::vector<int32_t>& stratum, const AssignmentOptions& options);

}  // namespace lathe::evaluate::subjective
