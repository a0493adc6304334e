#include "lathe/evaluate/opinion/compare.h"

#include <limits>

#include "lathe/core/error.h"

namespace lathe::evaluate::opinion {
namespace {

struct Model {
  Plan plan;
  Users users;
};

// F and G of every table and metric, then the measures.
std::vector<double> values_of(const Model& model, const math::TwoWayWeights& weights,
                              const UserOptions& options) {
  const Tallies tallies = tally(model.plan.outcomes, model.plan.partition, weights);
  const std::vector<double> all = table_statistics(model.plan, tallies, weights);
  std::vector<double> values;
  auto at = all.begin();
  for (const BinTable& table : model.plan.tables) {
    at += static_cast<std::ptrdiff_t>(table.bins.size() * table.metrics.size());
    const auto end = at + static_cast<std::ptrdiff_t>(2 * table.metrics.size());
    values.insert(values.end(), at, end);
    at = end;
  }
  const std::vector<double> of_users = unfairness(model.plan, model.users, tallies, weights, options);
  values.insert(values.end(), of_users.begin(), of_users.end());
  return values;
}

}  // namespace

std::vector<Difference> compare(const data::Annotations& annotations, const Profile& profile,
                                const OpinionPredictions& first, const OpinionPredictions& second,
                                const MeasureOptions& options) {
  if (first.rows != second.rows)
    throw InputError(
        "the first model predicts {} annotations and the second {}, not the same ones; compare them where "
        "both predict",
        first.rows.size(), second.rows.size());
  const auto model_of = [&](const OpinionPredictions& predictions) {
    Plan plan = make_plan(annotations, profile, predictions, options.criteria, options.bins);
    Users users = users_of(plan, profile, options.users);
    return Model{std::move(plan), std::move(users)};
  };
  const Model a = model_of(first), b = model_of(second);
  std::vector<Difference> result;
  for (const Criterion criterion : options.criteria)
    for (const Metric metric : options.bins.metrics)
      for (const char* score : {" F", " G"})
        result.push_back({to_string(criterion) + " " + to_string(metric) + score, {}, {}, {}});
  for (const Measure& measure : measures()) result.push_back({measure.name, {}, {}, {}});

  const std::vector<math::Interval> ranges(
      3 * result.size(), {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()});
  const std::vector<Estimate> estimates = bootstrap_estimates(
      a.plan.outcomes,
      [&](const math::TwoWayWeights& weights) {
        const std::vector<double> of_a = values_of(a, weights, options.users),
                                  of_b = values_of(b, weights, options.users);
        std::vector<double> values = of_a;
        values.insert(values.end(), of_b.begin(), of_b.end());
        for (size_t i = 0; i < of_a.size(); ++i) values.push_back(of_b[i] - of_a[i]);
        return values;
      },
      ranges, options);
  for (size_t i = 0; i < result.size(); ++i) {
    result[i].first = estimates[i];
    result[i].second = estimates[result.size() + i];
    result[i].difference = estimates[2 * result.size() + i];
  }
  return result;
}

}  // namespace lathe::evaluate::opinion
