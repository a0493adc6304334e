#pragma once
#include <vector>

#include "lathe/evaluate/subjective/evaluation.h"

namespace lathe::evaluate::subjective {

// An evaluation against section 7 of the specification, one verdict a criterion and group; uses everything of
// the evaluation but its verdicts.
//   acceptance.minimum         of acceptance.metric: of everything where use.unit_of_service is "all", else
//   of
//                              each group
//   acceptance.tolerated_gap   of each group to the others; with acceptance.dispersion "standard deviation",
//                              person_sd of everything
//   acceptance.excluded_share  of people below acceptance.person_minimum: of everything and each group
//   users.never_excluded       the accuracy of each of these groups is at least acceptance.person_minimum
// A field that is not stated, a group that is suppressed and one that is not there are "not decidable".
std::vector<Verdict> accept(const Specification& specification, const Evaluation& evaluation);

}  // namespace lathe::evaluate::subjective
