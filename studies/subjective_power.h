#pragma once
#include <string>
#include <vector>

#include "lathe/data/opinions.h"
#include "lathe/pipeline/study.h"

namespace lathe::studies::opinions {

// How often an evaluation that follows a specification finds that a group is excluded, and how often one that
// leaves a line of it out does.
struct Detection {
  std::string design;  // "as specified", or what is left out
  double found = 0;  // share of the replications whose verdict on the gap of the excluded group is "violated"
  double flagged =
      0;  // share in which the check of the specification says "violated" before any model is seen
  double false_alarms = 0;  // share of replications without a planted effect in which any group's gap is
                            // violated; as specified only
};
struct PowerOptions {
  int64_t num_replications = 50;
  int64_t num_bootstrap = 400;
  // The second group, 15 % of the people, looks at other features than the rest …
  data::OpinionOptions planted{
      .groups = {0.85, 0.15}, .group_strength = 10, .person_strength = 0.1, .sharpness = 5};
  double planted_gap = 0.15;  // … and the model is so much less accurate for it, of the whole population
};
std::vector<Detection> detection_power(const pipeline::StudyContext& context, const PowerOptions& options);

}  // namespace lathe::studies::opinions
