#include "lathe/evaluate/opinion/unfairness.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/printable.h"
#include "lathe/evaluate/opinion/inequality.h"
#include "lathe/math/hypothesis.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Weighted correct and answered annotations.
struct Count {
  double correct = 0, answered = 0;
  double accuracy() const { return correct / answered; }
};

Count count_of(const double* tally, int64_t num_classes) {
  Count count;
  for (int64_t cell = 0; cell < num_classes * num_classes; ++cell) {
    count.answered += tally[cell];
    if (cell % (num_classes + 1) == 0) count.correct += tally[cell];
  }
  return count;
}

double weighted_mean(const std::vector<double>& values, const std::vector<double>& weights) {
  double sum = 0, total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (weights[i] == 0) continue;  // its value may be NaN
    sum += weights[i] * values[i];
    total += weights[i];
  }
  return sum / total;
}

// The sample variance of the values less the mean noise of each; those whose noise is not known are left out.
double corrected_variance(const std::vector<double>& values, const std::vector<double>& noise,
                          std::vector<double> weights) {
  for (size_t i = 0; i < noise.size(); ++i)
    if (std::isnan(noise[i])) weights[i] = 0;
  const double mean = weighted_mean(values, weights);
  double squares = 0, total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    squares += weights[i] * (values[i] - mean) * (values[i] - mean);
    total += weights[i];
  }
  return total > 1 ? squares / (total - 1) - weighted_mean(noise, weights) : std::nan("");
}

double group_gap(const Plan& plan, const Tallies& tallies, const math::TwoWayWeights& weights) {
  const std::vector<double> groups = group_tallies(plan, tallies, weights);
  double low = kInfinity, high = -kInfinity;
  int64_t num_groups = 0;
  for (size_t g = 0; g < plan.hidden_groups.size(); ++g) {
    if (plan.hidden_groups[g]) continue;
    const double accuracy =
        count_of(groups.data() + g * static_cast<size_t>(tallies.size), plan.outcomes.num_classes).accuracy();
    if (std::isnan(accuracy)) continue;
    ++num_groups;
    low = std::min(low, accuracy);
    high = std::max(high, accuracy);
  }
  return num_groups < 2 ? std::nan("") : high - low;
}

}  // namespace

Users users_of(const Plan& plan, const Profile& profile, const UserOptions& options) {
  if (options.min_count < 1) throw InputError("min_count must be at least 1, got {}", options.min_count);
  const Outcomes& outcomes = plan.outcomes;
  std::vector<User> all(outcomes.annotators.size());
  for (int64_t i = 0; i < outcomes.size(); ++i) {
    User& user = all[static_cast<size_t>(outcomes.annotator[static_cast<size_t>(i)])];
    ++user.answered;
    user.correct += outcomes.correct(i);
  }
  Users result;
  double correct = 0;
  for (size_t a = 0; a < all.size(); ++a) {
    User& user = all[a];
    const auto annotator = static_cast<size_t>(outcomes.annotators[a]);
    user.annotator = outcomes.annotators[a];
    user.group = plan.groups.codes[a];
    user.interval = math::wilson_interval(user.correct, user.answered);
    user.disagreement = profile.disagreement[annotator];
    user.disagreement_with_others = profile.disagreement_with_others[annotator];
    correct += static_cast<double>(user.correct);
    if (user.answered >= options.min_count) {
      result.users.push_back(user);
      continue;
    }
    ++result.num_rare;
    result.rare_answered += user.answered;
    result.rare_correct += user.correct;
  }
  const double overall = correct / static_cast<double>(outcomes.size());
  std::vector<double> p_values;
  for (const User& user : result.users)
    p_values.push_back(math::binomial_lower_tail(user.correct, user.answered, overall));
  const std::vector<double> adjusted = math::benjamini_hochberg(p_values);
  for (size_t u = 0; u < adjusted.size(); ++u) {
    result.users[u].p_value = adjusted[u];
    result.users[u].excluded = adjusted[u] <= options.exclusion_level;
  }
  std::stable_sort(result.users.begin(), result.users.end(),
                   [](const User& a, const User& b) { return a.accuracy() < b.accuracy(); });
  return result;
}

const std::vector<Measure>& measures() {
  static const std::vector<Measure> all = {
      {"accuracy", "of all annotations", {0, 1}},
      {"user_accuracy", "mean over users, each counts once", {0, 1}},
      {"worst_decile", "mean accuracy of the tenth of users served worst", {0, 1}},
      {"group_gap", "accuracy of the best served group less that of the worst", {0, 1}},
      {"gini", "inequality of the users' accuracies, 0: equal", {0, 1}},
      {"ge2", "generalised entropy of the users' accuracies, 0: equal", {0, kInfinity}},
      {"ge2_between", "of it, between groups", {0, kInfinity}},
      {"ge2_within", "of it, within groups", {0, kInfinity}},
      {"exclusion_rate", "share of users served significantly worse than all together", {0, 1}},
      {"below_chance", "share of users served worse than by guessing", {0, 1}},
      {"minority_recall", "accuracy where fewer than half of an item's annotators say the same", {0, 1}},
      {"user_variance", "variance of the users' accuracies less that of few labels", {-1, 1}}};
  return all;
}

size_t measure_index(const std::string& name) {
  std::vector<std::string> names;
  for (const Measure& measure : measures()) {
    if (name == measure.name) return names.size();
    names.emplace_back(measure.name);
  }
  const auto near = core::nearest(name, names);
  throw InputError("unknown measure '{}'{}", core::printable(name),
                   near ? fmt::format(", did you mean {}?", *near) : "");
}

std::vector<double> unfairness(const Plan& plan, const Users& users, const Tallies& tallies,
                               const math::TwoWayWeights& weights, const UserOptions& options) {
  const int64_t num_classes = plan.outcomes.num_classes;
  Count all;
  std::vector<Count> of_annotator;
  for (int64_t a = 0; a < plan.outcomes.num_annotators(); ++a) {
    const Count count = count_of(tallies.annotator(a), num_classes);
    const double weight = weights.columns[static_cast<size_t>(a)];
    all.correct += weight * count.correct;
    all.answered += weight * count.answered;
    of_annotator.push_back(count);
  }

  std::vector<double> accuracies, noise, user_weights, excluded, below_chance;
  std::vector<int32_t> groups;
  const double chance = 1 / static_cast<double>(num_classes);
  for (const User& user : users.users) {
    const auto a = static_cast<size_t>(
        std::lower_bound(plan.outcomes.annotators.begin(), plan.outcomes.annotators.end(), user.annotator) -
        plan.outcomes.annotators.begin());
    const Count& count = of_annotator[a];
    if (count.answered == 0) continue;  // not drawn
    const double labels = count.answered * count.answered / tallies.squares[a], accuracy = count.accuracy();
    accuracies.push_back(accuracy);
    noise.push_back(labels > 1 ? accuracy * (1 - accuracy) / (labels - 1) : std::nan(""));
    user_weights.push_back(weights.columns[a]);
    excluded.push_back(user.excluded);
    below_chance.push_back(user.accuracy() < chance);
    groups.push_back(user.group);
  }
  const GeneralisedEntropy entropy = generalised_entropy(accuracies, groups, user_weights);
  return {all.accuracy(),
          weighted_mean(accuracies, user_weights),
          worst_mean(accuracies, user_weights, options.worst_share),
          group_gap(plan, tallies, weights),
          gini(accuracies, user_weights),
          entropy.total,
          entropy.between,
          entropy.within,
          weighted_mean(excluded, user_weights),
          weighted_mean(below_chance, user_weights),
          count_of(minority_tally(plan, tallies).data(), num_classes).accuracy(),
          corrected_variance(accuracies, noise, user_weights)};
}

}  // namespace lathe::evaluate::opinion
