#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/measure.h"
#include "lathe/evaluate/opinion/user_regression.h"

// Where unfairness comes from: one answer for all, learning, or what people do not agree on with themselves.
namespace lathe::evaluate::opinion {

struct NamedPredictions {
  std::string name;
  OpinionPredictions predictions;
};

// One predictor on the same annotations: the estimates of measures().
struct Cause {
  std::string predictor, meaning;
  std::vector<Estimate> measures;
};

// The difference that a step makes, `to` − `from` in each of measures(); intervals are of pairs.
struct Step {
  std::string name, meaning;
  size_t from = 0, to = 0;  // predictors
  std::vector<Estimate> differences;
};

struct Causes {
  // "one's own second answer", "shares" (of the item's votes), "majority", "majority of the others", then,
  // where attributes are named, "group majority" and "majority of the group's others", then the models.
  std::vector<Cause> predictors;
  // One answer for all: from one's own second answer to the majority. Knowing the group: from the majority to
  // the group's. Learning: from the majority to each model. Each of them again from and to the majority
  // without one's own vote, which flatters what it is in.
  std::vector<Step> steps;
  std::vector<UserRegression> regressions;  // beside the models
  bool asked_twice = false;                 // whether anybody answered the same twice
  int64_t num_repeats = 0;
};
// All predictions must be of the same annotations. A person's second answer as the prediction of the first is
// the ceiling: its accuracy is one rate for all (labels asked for twice are few), so it has no dispersion; 1
// and no interval where nobody was asked twice. Throws InputError as measure().
Causes explain(const data::Annotations& annotations, const Profile& profile,
               const std::vector<NamedPredictions>& models, const MeasureOptions& options = {});

}  // namespace lathe::evaluate::opinion
