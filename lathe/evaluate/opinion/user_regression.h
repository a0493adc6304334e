#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/opinion/unfairness.h"

namespace lathe::evaluate::opinion {

// What a user's accuracy goes with: least squares on their disagreement (ADR), the number of their
// annotations that were not predicted (those to train on), the mean ambiguity 1 − g of their items, and their
// group (a column for each but the largest). Standardised: all in units of their standard deviation.
struct UserRegression {
  struct Term {
    std::string name;
    Estimate coefficient;  // interval: Student's t, 95 %
    // How much R² falls without it (without all groups, for a group); NaN for a further group.
    double r2_drop = 0;
  };
  std::vector<Term> terms;
  double r2 = 0;
  int64_t num_users = 0;
  std::vector<std::string> left_out;  // the same for all users, or given by the others
};
// Without terms and with R² NaN where there are fewer users than terms + 2.
UserRegression regress_users(const data::Annotations& annotations, const Profile& profile, const Plan& plan,
                             const Users& users);

}  // namespace lathe::evaluate::opinion
