#include "lathe/evaluate/opinion/explain.h"

#include <fmt/format.h>

#include <limits>

#include "lathe/core/error.h"
#include "lathe/evaluate/opinion/oracles.h"

namespace lathe::evaluate::opinion {
namespace {

// Whether annotators said the same again: pairs of a first and a later answer, items and annotators as the
// outcomes number them.
struct Repeat {
  size_t item, annotator;
  bool same;
};

std::vector<Repeat> repeats_of(const data::Annotations& annotations, const Outcomes& outcomes) {
  const auto numbers = [](const std::vector<int32_t>& occurring, size_t size) {
    std::vector<int32_t> number(size, -1);
    for (size_t i = 0; i < occurring.size(); ++i)
      number[static_cast<size_t>(occurring[i])] = static_cast<int32_t>(i);
    return number;
  };
  const auto item_number = numbers(outcomes.items, annotations.items.size());
  const auto annotator_number = numbers(outcomes.annotators, annotations.annotators.size());
  std::vector<Repeat> repeats;
  for (size_t first = 0, row = 1; row < annotations.item.size(); ++row) {
    if (annotations.item[row] != annotations.item[first] ||
        annotations.annotator[row] != annotations.annotator[first]) {
      first = row;
      continue;
    }
    const int32_t item = item_number[static_cast<size_t>(annotations.item[row])];
    const int32_t annotator = annotator_number[static_cast<size_t>(annotations.annotator[row])];
    if (item >= 0 && annotator >= 0)
      repeats.push_back({static_cast<size_t>(item), static_cast<size_t>(annotator),
                         annotations.label[row] == annotations.label[first]});
  }
  return repeats;
}

// The measures of a predictor that is right at the rate at which people repeat themselves, for everybody.
std::vector<double> ceiling(const std::vector<Repeat>& repeats, const math::TwoWayWeights& weights) {
  double same = 0, all = 0;
  for (const Repeat& repeat : repeats) {
    const double weight = static_cast<double>(weights.rows[repeat.item]) *
                          static_cast<double>(weights.columns[repeat.annotator]);
    same += repeat.same ? weight : 0;
    all += weight;
  }
  std::vector<double> values(measures().size(), 0);
  for (const char* name : {"accuracy", "user_accuracy", "worst_decile", "minority_recall"})
    values[measure_index(name)] = repeats.empty() ? 1 : same / all;
  return values;
}

struct Predictor {
  std::string name, meaning;
  Plan plan;
  Users users;
};

void same_rows(const std::vector<NamedPredictions>& models) {
  for (const NamedPredictions& model : models)
    if (model.predictions.rows != models.front().predictions.rows)
      throw InputError("{} and {} predict different annotations; causes are compared on the same ones",
                       models.front().name, model.name);
}

enum Oracle : size_t { kCeiling, kShares, kMajority, kOthers, kGroup, kGroupOthers };

std::vector<Step> steps_of(size_t num_oracles, const std::vector<NamedPredictions>& models) {
  std::vector<Step> steps = {
      {"one answer for all", "the majority instead of one's own second answer", kCeiling, kMajority, {}},
      {"one answer for all, own vote not counted",
       "the majority of the others instead of it",
       kCeiling,
       kOthers,
       {}}};
  if (num_oracles > kGroup) {
    steps.push_back(
        {"knowing the group", "the group's majority instead of everybody's", kMajority, kGroup, {}});
    steps.push_back({"knowing the group, own vote not counted",
                     "the majority of the group's others instead of all others",
                     kOthers,
                     kGroupOthers,
                     {}});
  }
  for (size_t m = 0; m < models.size(); ++m) {
    steps.push_back(
        {"learning: " + models[m].name, "the model instead of the majority", kMajority, num_oracles + m, {}});
    steps.push_back({"learning: " + models[m].name + ", own vote not counted",
                     "the model instead of the majority of the others",
                     kOthers,
                     num_oracles + m,
                     {}});
  }
  return steps;
}

}  // namespace

Causes explain(const data::Annotations& annotations, const Profile& profile,
               const std::vector<NamedPredictions>& models, const MeasureOptions& options) {
  if (models.empty()) throw InputError("causes need the predictions of at least one model");
  same_rows(models);
  const std::vector<int64_t>& rows = models.front().predictions.rows;
  const auto plan_of = [&](const std::string& name, const std::string& meaning,
                           const OpinionPredictions& predictions) {
    Plan plan = make_plan(annotations, profile, predictions, {}, options.bins);
    Users users = users_of(plan, profile, options.users);
    return Predictor{name, meaning, std::move(plan), std::move(users)};
  };
  std::vector<Predictor> predictors;  // without the ceiling, which has no plan
  predictors.push_back(plan_of("shares", "the most probable of the item's vote shares",
                               share_oracle(annotations, profile, rows)));
  predictors.push_back(
      plan_of("majority", "the item's majority", majority_oracle(annotations, profile, rows)));
  predictors.push_back(plan_of("majority of the others", "the item's majority without one's own vote",
                               others_oracle(annotations, profile, rows)));
  if (!options.bins.attributes.empty()) {
    const data::Attribute groups = annotator_groups(annotations, options.bins.attributes);
    predictors.push_back(
        plan_of("group majority", "the group's majority", group_oracle(annotations, groups, rows)));
    predictors.push_back(plan_of("majority of the group's others",
                                 "the group's majority without one's own vote",
                                 group_others_oracle(annotations, profile, groups, rows)));
  }
  const size_t num_oracles = predictors.size() + 1;
  for (const NamedPredictions& model : models)
    predictors.push_back(plan_of(model.name, "the model", model.predictions));

  const Outcomes& outcomes = predictors.front().plan.outcomes;
  const std::vector<Repeat> repeats = repeats_of(annotations, outcomes);
  std::vector<Step> steps = steps_of(num_oracles, models);
  const size_t num_measures = measures().size();
  const auto statistics = [&](const math::TwoWayWeights& weights) {
    std::vector<double> values = ceiling(repeats, weights);
    for (const Predictor& one : predictors) {
      const std::vector<double> more = unfairness(
          one.plan, one.users, tally(one.plan.outcomes, one.plan.partition, weights), weights, options.users);
      values.insert(values.end(), more.begin(), more.end());
    }
    for (const Step& step : steps)
      for (size_t m = 0; m < num_measures; ++m)
        values.push_back(values[step.to * num_measures + m] - values[step.from * num_measures + m]);
    return values;
  };
  std::vector<math::Interval> ranges;
  for (size_t p = 0; p <= predictors.size(); ++p)
    for (const Measure& measure : measures()) ranges.push_back(measure.range);
  ranges.resize(ranges.size() + steps.size() * num_measures,
                {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()});
  const std::vector<Estimate> estimates = bootstrap_estimates(outcomes, statistics, ranges, options);

  Causes causes;
  causes.asked_twice = !repeats.empty();
  causes.num_repeats = static_cast<int64_t>(repeats.size());
  const auto part = [&](size_t index) {
    const auto begin = estimates.begin() + static_cast<std::ptrdiff_t>(index * num_measures);
    return std::vector<Estimate>(begin, begin + static_cast<std::ptrdiff_t>(num_measures));
  };
  causes.predictors.push_back({"one's own second answer", "how often people repeat their answer", part(0)});
  for (size_t p = 0; p < predictors.size(); ++p) {
    causes.predictors.push_back({predictors[p].name, predictors[p].meaning, part(p + 1)});
    if (p + 1 >= num_oracles)
      causes.regressions.push_back(
          regress_users(annotations, profile, predictors[p].plan, predictors[p].users));
  }
  for (size_t s = 0; s < steps.size(); ++s) {
    steps[s].differences = part(predictors.size() + 1 + s);
    causes.steps.push_back(steps[s]);
  }
  return causes;
}

}  // namespace lathe::evaluate::opinion
