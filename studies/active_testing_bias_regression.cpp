#include "studies/active_testing_bias_regression.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lathe/core/parallel.h"
#include "lathe/train/active_learning.h"

namespace lathe::studies::active_testing_bias {
namespace {

using evaluate::active::Estimator;
constexpr std::array<Estimator, 3> kEstimators = {Estimator::kNone, Estimator::kPure, Estimator::kLure};

struct Points {
  std::vector<double> x, y;
  void add(double at) {
    x.push_back(at);
    y.push_back(std::max(0.0, at) * (std::pow(std::abs(at), 1.5) + std::sin(20 * at) / 4));
  }
};

// Few points on the left, where the curve is flat, and most in two clusters on the right: 5, 48 and 48 of
// 101.
Points draw_points(int64_t times, core::Seed seed) {
  core::Random random = seed.random();
  Points points;
  for (int64_t i = 0; i < 5 * times; ++i) points.add(random.uniform(-1.2, -0.8));
  for (int64_t i = 0; i < 48 * times; ++i) points.add(random.uniform(0, 0.5));
  for (int64_t i = 0; i < 48 * times; ++i) points.add(random.uniform(1, 1.5));
  return points;
}

struct Line {
  double slope = 0, intercept = 0;
  double loss(double x, double y) const { return std::pow(slope * x + intercept - y, 2); }
};

// Weighted least squares.
Line fit(const Points& points, const std::vector<int64_t>& rows, const std::vector<double>& weights) {
  double total = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<size_t>(rows[i]);
    total += weights[i];
    x += weights[i] * points.x[row];
    y += weights[i] * points.y[row];
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<size_t>(rows[i]);
    const double from_mean = points.x[row] - x / total;
    xx += weights[i] * from_mean * from_mean;
    xy += weights[i] * from_mean * (points.y[row] - y / total);
  }
  const double slope = xx > 0 ? xy / xx : 0;
  return {slope, y / total - slope * x / total};
}

double mean_loss(const Line& line, const Points& points) {
  double sum = 0;
  for (size_t i = 0; i < points.x.size(); ++i) sum += line.loss(points.x[i], points.y[i]);
  return sum / static_cast<double>(points.x.size());
}

struct Outcome {
  double estimate = 0, test_error = 0;
};
using Trajectory = std::vector<std::array<Outcome, 3>>;  // [M][estimator]

Trajectory run_trajectory(const RegressionPlan& plan, const Points& pool, const Points& test,
                          const Line& fixed, core::Seed seed, const core::StopToken& stop) {
  Trajectory trajectory;
  const auto measure = [&](const train::Acquired& acquired) {
    const auto m = static_cast<int64_t>(acquired.points.size());
    if (std::find(plan.labels.begin(), plan.labels.end(), m) == plan.labels.end()) return;
    std::vector<double> losses;
    for (int64_t row : acquired.points)
      losses.push_back(fixed.loss(pool.x[static_cast<size_t>(row)], pool.y[static_cast<size_t>(row)]));
    const auto n = static_cast<int64_t>(pool.x.size());
    auto& outcomes = trajectory.emplace_back();
    for (size_t e = 0; e < kEstimators.size(); ++e) {
      const Line line = fit(pool, acquired.points, evaluate::active::weights(kEstimators[e], acquired.q, n));
      outcomes[e] = {risk(losses, acquired.q, n, kEstimators[e]).value, mean_loss(line, test)};
    }
  };
  // Squared distances to the labelled points, summed; no model is asked, so one trajectory serves every
  // weighting.
  double labelled = 0, sum = 0, squares = 0;
  train::Learner learner;
  learner.train = [&](const train::Learner::Points& points, const std::vector<double>&) {
    const double x = pool.x[static_cast<size_t>(points.back())];
    labelled += 1, sum += x, squares += x * x;
  };
  learner.score = [&](const train::Learner::Points& points) {
    std::vector<double> scores;
    for (int64_t row : points) {
      const double x = pool.x[static_cast<size_t>(row)];
      scores.push_back(std::max(0.0, labelled * x * x - 2 * x * sum + squares));
    }
    return scores;
  };
  train::learn_actively(static_cast<int64_t>(pool.x.size()), learner,
                        {.proposal = {.kind = evaluate::active::ProposalKind::kSoftmax, .temperature = 1},
                         .start = 1,
                         .budget = plan.labels.back()},
                        seed, measure, stop);
  return trajectory;
}

}  // namespace

RegressionResult run_regression(const RegressionPlan& plan, core::Seed seed, const core::StopToken& stop) {
  const Points pool = draw_points(1, seed.stream("pool")), test = draw_points(20, seed.stream("test"));
  std::vector<int64_t> all(pool.x.size());
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
  const Line fixed = fit(pool, all, std::vector<double>(all.size(), 1));

  std::vector<Trajectory> trajectories(static_cast<size_t>(plan.num_trajectories));
  core::parallel_for(plan.num_trajectories, 10, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      trajectories[static_cast<size_t>(t)] = run_trajectory(
          plan, pool, test, fixed, seed.stream("trajectory").stream(static_cast<uint64_t>(t)), stop);
  });

  RegressionResult result{.risk = mean_loss(fixed, pool)};
  const auto n = static_cast<double>(plan.num_trajectories);
  for (size_t m = 0; m < plan.labels.size(); ++m) {
    auto& spreads = result.spreads.emplace_back(kEstimators.size());
    for (size_t e = 0; e < kEstimators.size(); ++e) {
      double mean = 0, squares = 0;
      for (const Trajectory& t : trajectories) {
        mean += t[m][e].estimate / n;
        spreads[e].test_error += t[m][e].test_error / n;
      }
      for (const Trajectory& t : trajectories) squares += std::pow(t[m][e].estimate - mean, 2) / (n - 1);
      spreads[e].bias = mean - result.risk;
      spreads[e].deviation = std::sqrt(squares);
      spreads[e].standard_error = std::sqrt(squares / n);
    }
  }
  return result;
}

}  // namespace lathe::studies::active_testing_bias
