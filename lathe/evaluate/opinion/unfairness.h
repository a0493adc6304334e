#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/estimate.h"
#include "lathe/evaluate/opinion/plan.h"

// How unequally people are served, from the accuracy of each on their own labels.
namespace lathe::evaluate::opinion {

struct UserOptions {
  // Users with fewer predicted labels are no unit of their own: they are pooled as "rare", and counted.
  int64_t min_count = 5;
  double worst_share = 0.1;       // whose mean accuracy is the worst decile's
  double exclusion_level = 0.05;  // false discoveries among those who are called excluded
};

struct User {
  int32_t annotator = 0;  // number in the table
  int32_t group = 0;
  int64_t answered = 0, correct = 0;
  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(answered); }
  math::Interval interval;                                // Wilson, 95 %
  double disagreement = 0, disagreement_with_others = 0;  // ADR
  double p_value =
      1;  // of an accuracy below the overall one: binomial, one-sided, after Benjamini & Hochberg
  bool excluded = false;
};

struct Users {
  std::vector<User> users;  // the worst served first
  int64_t num_rare = 0, rare_answered = 0, rare_correct = 0;
};
Users users_of(const Plan& plan, const Profile& profile, const UserOptions& options);

struct Measure {
  const char* name;      // key in tables and JSON
  const char* meaning;   // in plain words
  math::Interval range;  // of possible values
};
// What unfairness() computes, in its order:
//   accuracy, user_accuracy (the users' mean), worst_decile (CVaR₁₀), group_gap (largest − smallest accuracy
//   of groups that are shown), gini, ge2 = ge2_between + ge2_within, exclusion_rate, below_chance,
//   minority_recall (accuracy on annotations with π < 1/2), user_variance (of the users' true accuracies: the
//   observed one less what so few labels cause by themselves).
const std::vector<Measure>& measures();
size_t measure_index(const std::string& name);  // throws InputError with the nearest name

// The variance subtracts the mean of â(1−â)/(n−1) over users, n = (Σw)²/Σw² the number of labels that the
// items' weights leave (Kish 1965, §11.2), so that a bootstrap replicate, whose users have the noise of their
// labels twice, is not taken for unfair. Which users are excluded or below chance (1/C) stays as it is for
// all annotations; weights only say how often each counts.
std::vector<double> unfairness(const Plan& plan, const Users& users, const Tallies& tallies,
                               const math::TwoWayWeights& weights, const UserOptions& options);

}  // namespace lathe::evaluate::opinion
