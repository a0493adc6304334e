#include "lathe/evaluate/opinion/user_regression.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "lathe/math/special.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr double kConfidence = 0.95;

struct Column {
  std::string name;
  Eigen::VectorXd values;
  bool of_group = false;
};

struct Fit {
  Eigen::VectorXd coefficients;
  double r2 = 0, residual = 0;  // sum of squares
};

// y and the columns have mean 0.
Fit least_squares(const Eigen::MatrixXd& x, const Eigen::VectorXd& y) {
  if (x.cols() == 0) return {{}, 0, y.squaredNorm()};
  Fit fit;
  fit.coefficients = x.colPivHouseholderQr().solve(y);
  fit.residual = (y - x * fit.coefficients).squaredNorm();
  fit.r2 = 1 - fit.residual / y.squaredNorm();
  return fit;
}

// False where all values are the same.
bool standardise(Eigen::VectorXd& values) {
  values.array() -= values.mean();
  const double deviation = std::sqrt(values.squaredNorm() / static_cast<double>(values.size()));
  if (!(deviation > 1e-12)) return false;
  values /= deviation;
  return true;
}

Eigen::MatrixXd matrix(const std::vector<Column>& columns, Eigen::Index num_users) {
  Eigen::MatrixXd x(num_users, static_cast<Eigen::Index>(columns.size()));
  for (size_t c = 0; c < columns.size(); ++c) x.col(static_cast<Eigen::Index>(c)) = columns[c].values;
  return x;
}

// Mean 1 − agreement of the items that each of the outcomes' annotators is measured on.
std::vector<double> ambiguity(const Plan& plan, const Profile& profile) {
  const Outcomes& outcomes = plan.outcomes;
  std::vector<double> sum(outcomes.annotators.size(), 0), count = sum;
  for (size_t item = 0; item + 1 < outcomes.offsets.size(); ++item)
    for (auto i = static_cast<size_t>(outcomes.offsets[item]);
         i < static_cast<size_t>(outcomes.offsets[item + 1]); ++i) {
      const auto a = static_cast<size_t>(outcomes.annotator[i]);
      sum[a] += 1 - profile.agreement[static_cast<size_t>(outcomes.items[item])];
      ++count[a];
    }
  for (size_t a = 0; a < sum.size(); ++a) sum[a] /= count[a];
  return sum;
}

std::vector<Column> columns_of(const data::Annotations& annotations, const Profile& profile, const Plan& plan,
                               const Users& users) {
  const auto n = static_cast<Eigen::Index>(users.users.size());
  const std::vector<double> of_items = ambiguity(plan, profile);
  std::vector<int64_t> all(annotations.annotators.size(), 0);
  for (const int32_t annotator : annotations.annotator) ++all[static_cast<size_t>(annotator)];
  std::vector<Column> columns = {{"disagreement (ADR)", Eigen::VectorXd(n)},
                                 {"annotations to train on", Eigen::VectorXd(n)},
                                 {"ambiguity of their items", Eigen::VectorXd(n)}};
  std::vector<int64_t> people(plan.groups.values.size(), 0);
  for (Eigen::Index u = 0; u < n; ++u) {
    const User& user = users.users[static_cast<size_t>(u)];
    const auto a =
        std::lower_bound(plan.outcomes.annotators.begin(), plan.outcomes.annotators.end(), user.annotator) -
        plan.outcomes.annotators.begin();
    columns[0].values[u] = user.disagreement;
    columns[1].values[u] = static_cast<double>(all[static_cast<size_t>(user.annotator)] - user.answered);
    columns[2].values[u] = of_items[static_cast<size_t>(a)];
    ++people[static_cast<size_t>(user.group)];
  }
  const auto largest = std::max_element(people.begin(), people.end()) - people.begin();
  for (size_t g = 0; g < people.size(); ++g) {
    if (static_cast<std::ptrdiff_t>(g) == largest || plan.hidden_groups[g] || people[g] == 0) continue;
    Column column{"group " + plan.groups.values[g], Eigen::VectorXd::Zero(n), true};
    for (Eigen::Index u = 0; u < n; ++u)
      column.values[u] = users.users[static_cast<size_t>(u)].group == static_cast<int32_t>(g);
    columns.push_back(std::move(column));
  }
  return columns;
}

// R² without the column, or without all of group.
double r2_without(const std::vector<Column>& columns, size_t left_out, const Eigen::VectorXd& y) {
  std::vector<Column> rest;
  for (size_t c = 0; c < columns.size(); ++c)
    if (c != left_out && !(columns[c].of_group && columns[left_out].of_group)) rest.push_back(columns[c]);
  return least_squares(matrix(rest, y.size()), y).r2;
}

}  // namespace

UserRegression regress_users(const data::Annotations& annotations, const Profile& profile, const Plan& plan,
                             const Users& users) {
  UserRegression result;
  result.num_users = static_cast<int64_t>(users.users.size());
  result.r2 = std::nan("");
  const auto n = static_cast<Eigen::Index>(result.num_users);
  if (n < 2) return result;
  Eigen::VectorXd y(n);
  for (Eigen::Index u = 0; u < n; ++u) y[u] = users.users[static_cast<size_t>(u)].accuracy();
  if (!standardise(y)) return result;

  std::vector<Column> columns;
  for (Column& column : columns_of(annotations, profile, plan, users)) {
    columns.push_back(column);
    const bool varies = standardise(columns.back().values);
    if (varies &&
        matrix(columns, n).colPivHouseholderQr().rank() == static_cast<Eigen::Index>(columns.size()))
      continue;
    result.left_out.push_back(column.name);
    columns.pop_back();
  }
  const auto freedom = static_cast<double>(n) - static_cast<double>(columns.size()) - 1;
  if (columns.empty() || freedom < 1) return result;
  const Eigen::MatrixXd x = matrix(columns, n);
  const Fit fit = least_squares(x, y);
  result.r2 = fit.r2;
  const Eigen::VectorXd variance = (x.transpose() * x).inverse().diagonal() * (fit.residual / freedom);
  const double t = math::student_t_quantile((1 + kConfidence) / 2, freedom);
  bool group_seen = false;
  for (size_t c = 0; c < columns.size(); ++c) {
    const double value = fit.coefficients[static_cast<Eigen::Index>(c)];
    const double reach = t * std::sqrt(variance[static_cast<Eigen::Index>(c)]);
    const bool again = columns[c].of_group && group_seen;
    group_seen |= columns[c].of_group;
    result.terms.push_back({columns[c].name,
                            {value, {value - reach, value + reach}},
                            again ? std::nan("") : fit.r2 - r2_without(columns, c, y)});
  }
  return result;
}

}  // namespace lathe::evaluate::opinion
