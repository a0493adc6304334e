#include "lathe/evaluate/active/estimators.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/evaluate/active/anytime.h"
#include "lathe/evaluate/active/proposal.h"
#include "tests/support/message.h"

namespace lathe::evaluate::active {
namespace {

using testing_support::message_of;

// Every order in which M of the points can be drawn with q ∝ scores over the rest, with its probability.
void enumerate(
    const std::vector<double>& scores, size_t num_steps,
    const std::function<void(const std::vector<size_t>&, const std::vector<double>&, double)>& visit) {
  std::vector<size_t> order;
  std::vector<double> q;
  std::vector<bool> taken(scores.size());
  const std::function<void(double)> step = [&](double probability) {
    if (order.size() == num_steps) return visit(order, q, probability);
    double total = 0;
    for (size_t i = 0; i < scores.size(); ++i) total += taken[i] ? 0 : scores[i];
    for (size_t i = 0; i < scores.size(); ++i) {
      if (taken[i]) continue;
      taken[i] = true;
      order.push_back(i);
      q.push_back(scores[i] / total);
      step(probability * q.back());
      taken[i] = false;
      order.pop_back();
      q.pop_back();
    }
  };
  step(1);
}

struct Moments {
  double mean = 0, variance = 0, mean_squared_error_estimate = 0;
};

Moments moments(Estimator estimator, const std::vector<double>& losses, const std::vector<double>& scores,
                size_t num_steps) {
  Moments result;
  double squares = 0;
  enumerate(scores, num_steps, [&](const auto& order, const auto& q, double probability) {
    std::vector<double> drawn;
    for (size_t i : order) drawn.push_back(losses[i]);
    const Estimate estimate = risk(drawn, q, static_cast<int64_t>(losses.size()), estimator);
    result.mean += probability * estimate.value;
    squares += probability * estimate.value * estimate.value;
    result.mean_squared_error_estimate += probability * std::pow(estimate.standard_error, 2);
  });
  result.variance = squares - result.mean * result.mean;
  return result;
}

const std::vector<double> kLosses = {1, 2, 4, 9}, kScores = {1, 2, 3, 4};

TEST(ActiveEstimators, AreUnbiasedOverEveryTrajectory) {
  const double plain[] = {5.3, 4.996627, 4.582407, 4};
  const double pure[] = {1.864583, 0.648698, 0.306261, 0.172272};
  const double lure[] = {1.864583, 0.531713, 0.130881, 0};
  for (size_t m = 1; m <= 4; ++m) {
    EXPECT_NEAR(moments(Estimator::kNone, kLosses, kScores, m).mean, plain[m - 1], 1e-6);
    const Moments p = moments(Estimator::kPure, kLosses, kScores, m),
                  l = moments(Estimator::kLure, kLosses, kScores, m);
    EXPECT_NEAR(p.mean, 4, 1e-12);
    EXPECT_NEAR(l.mean, 4, 1e-12);
    EXPECT_NEAR(p.variance, pure[m - 1], 1e-6);
    EXPECT_NEAR(l.variance, lure[m - 1], 1e-6);
  }
}

TEST(ActiveEstimators, WeightsOfATrajectoryByHand) {
  const std::vector<double> q = {0.4, 1.0 / 3};
  const std::vector<double> pure = pure_weights(q, 4), lure = lure_weights(q, 4);
  EXPECT_NEAR(pure[0], 0.875, 1e-12);
  EXPECT_NEAR(pure[1], 0.75, 1e-12);
  EXPECT_NEAR(lure[0], 0.75, 1e-12);
  EXPECT_NEAR(lure[1], 1.0, 1e-12);
}

TEST(ActiveEstimators, WeightsAreOneForUniformDrawsAndForTheWholePool) {
  std::vector<double> uniform;
  for (int m = 1; m <= 60; ++m) {
    uniform.push_back(1.0 / (100 - m + 1));
    for (double w : lure_weights(uniform, 100)) EXPECT_NEAR(w, 1, 1e-12);
    const std::vector<double> constant(uniform.size(), 2.5);
    EXPECT_NEAR(risk(constant, uniform, 100, Estimator::kLure).value, 2.5, 1e-12);
  }
  for (double w : lure_weights({0.1, 0.7, 0.2, 1}, 4)) EXPECT_EQ(w, 1);
  EXPECT_EQ(risk({1, 2, 4, 9}, {0.1, 0.7, 0.2, 1}, 4, Estimator::kLure).value, 4);
}

TEST(ActiveEstimators, ConstantLossIsExpectedExactly) {
  for (Estimator estimator : {Estimator::kPure, Estimator::kLure})
    for (size_t m = 1; m <= 4; ++m) EXPECT_NEAR(moments(estimator, {3, 3, 3, 3}, kScores, m).mean, 3, 1e-12);
}

// Always above 1 − (N − M) / (N − m + 1), reached where a point was certain to be taken.
TEST(ActiveEstimators, LureWeightsArePositive) {
  const std::vector<double> w = lure_weights({1, 1, 1}, 10);
  for (int m = 1; m <= 3; ++m) {
    EXPECT_NEAR(w[static_cast<size_t>(m - 1)], 1 - 7.0 / (10 - m + 1), 1e-12);
    EXPECT_GT(w[static_cast<size_t>(m - 1)], 0);
  }
}

// The estimate in constant time is the weighted mean, after every step.
TEST(ActiveEstimators, RunningIsTheWeightedMean) {
  core::Random random = core::Seed(3).random();
  for (Estimator estimator : {Estimator::kNone, Estimator::kPure, Estimator::kLure}) {
    RunningRisk running(estimator, 50);
    std::vector<double> losses, q;
    for (int m = 1; m <= 50; ++m) {
      losses.push_back(random.normal());
      q.push_back(m == 50 ? 1 : random.uniform(0.2, 2.5) / (50 - m + 1));
      q.back() = std::min(q.back(), 1.0);
      running.add(losses.back(), q.back());
      const std::vector<double> w = weights(estimator, q, 50);
      double sum = 0, total = 0, squares = 0;
      for (size_t i = 0; i < w.size(); ++i) {
        sum += w[i] * losses[i] / m;
        total += w[i];
        squares += w[i] * w[i];
      }
      EXPECT_NEAR(running.estimate().value, sum, 1e-10);
      EXPECT_NEAR(running.estimate().effective_size, total * total / squares, 1e-8);
    }
  }
}

// For uniform draws the squared standard error is that of a simple random sample on average: (1 − M/N) S² /
// M.
TEST(ActiveEstimators, StandardErrorOfUniformDraws) {
  const double s2 = (9 + 4 + 0 + 25) / 3.0;  // of kLosses around 4
  for (size_t m = 2; m <= 3; ++m) {
    const double exact = (1 - static_cast<double>(m) / 4) * s2 / static_cast<double>(m);
    const Moments plain = moments(Estimator::kNone, kLosses, {1, 1, 1, 1}, m);
    EXPECT_NEAR(plain.variance, exact, 1e-12);
    EXPECT_NEAR(plain.mean_squared_error_estimate, exact, 1e-12);
    EXPECT_NEAR(moments(Estimator::kLure, kLosses, {1, 1, 1, 1}, m).variance, exact, 1e-12);
  }
}

struct Trial {
  std::vector<double> losses, q;
};

// Losses and scores of a pool that have something to do with each other.
struct TestPool {
  std::vector<double> losses, scores;
  double mean = 0;
};

TestPool test_pool(int64_t n) {
  core::Random random = core::Seed(8).random();
  TestPool pool;
  for (int64_t i = 0; i < n; ++i) {
    const double p = std::pow(random.uniform(), 3);
    pool.losses.push_back(random.uniform() < p);
    pool.scores.push_back(p);
    pool.mean += pool.losses.back() / static_cast<double>(n);
  }
  return pool;
}

Trial draw(const TestPool& pool, int64_t num_steps, uint64_t seed) {
  core::Random random = core::Seed(seed).random();
  Sampler sampler(pool.scores, {.floor = 0.2});
  Trial trial;
  for (int64_t m = 0; m < num_steps; ++m) {
    const Draw draw = sampler.draw(random.uniform());
    trial.losses.push_back(pool.losses[static_cast<size_t>(draw.position)]);
    trial.q.push_back(draw.q);
  }
  return trial;
}

TEST(ActiveEstimators, StandardErrorsAndIntervalsAreRight) {
  const TestPool pool = test_pool(400);
  constexpr int kTrials = 1500;
  for (Estimator estimator : {Estimator::kPure, Estimator::kLure}) {
    double mean = 0, squares = 0, estimated = 0, covered = 0;
    for (int t = 0; t < kTrials; ++t) {
      const Trial trial = draw(pool, 60, static_cast<uint64_t>(t));
      const Estimate estimate = risk(trial.losses, trial.q, 400, estimator);
      const math::Interval range = interval(estimate);
      mean += estimate.value / kTrials;
      squares += std::pow(estimate.value - pool.mean, 2) / kTrials;
      estimated += std::pow(estimate.standard_error, 2) / kTrials;
      covered += range.low <= pool.mean && pool.mean <= range.high;
    }
    EXPECT_NEAR(mean, pool.mean, 4 * std::sqrt(squares / kTrials));
    EXPECT_NEAR(estimated / squares, 1, 0.12);
    EXPECT_GE(covered / kTrials, 0.92);
    EXPECT_LE(covered / kTrials, 0.98);
  }
}

TEST(ActiveAnytime, HoldsAtEveryStepAtOnce) {
  const TestPool pool = test_pool(150);
  constexpr int kTrials = 120;
  int missed = 0;
  double width = 0;
  for (int t = 0; t < kTrials; ++t) {
    const Trial trial = draw(pool, 100, 1000 + static_cast<uint64_t>(t));
    bool inside = true;
    for (size_t m = 10; m <= 100; m += 10) {
      const math::Interval range =
          anytime_interval({trial.losses.begin(), trial.losses.begin() + static_cast<int64_t>(m)},
                           {trial.q.begin(), trial.q.begin() + static_cast<int64_t>(m)}, 150);
      inside = inside && range.low <= pool.mean && pool.mean <= range.high;
      if (m == 100) width += (range.high - range.low) / kTrials;
    }
    missed += !inside;
  }
  EXPECT_LE(missed, 12);  // 5 % are allowed, 6 of 120
  EXPECT_LT(width, 0.25);
}

TEST(ActiveAnytime, IsTheMeanWhenEveryPointIsKnown) {
  const TestPool pool = test_pool(60);
  const Trial trial = draw(pool, 60, 1);
  const math::Interval range = anytime_interval(trial.losses, trial.q, 60);
  EXPECT_NEAR(range.low, pool.mean, 1e-9);
  EXPECT_NEAR(range.high, pool.mean, 1e-9);
}

// Losses in another range give the same interval, moved and stretched.
TEST(ActiveAnytime, FollowsTheRange) {
  const TestPool pool = test_pool(150);
  const Trial trial = draw(pool, 40, 2);
  std::vector<double> moved;
  for (double loss : trial.losses) moved.push_back(5 * loss - 3);
  const math::Interval one = anytime_interval(trial.losses, trial.q, 150),
                       other = anytime_interval(moved, trial.q, 150, {.lowest = -3, .highest = 2});
  EXPECT_NEAR(other.low, 5 * one.low - 3, 1e-9);
  EXPECT_NEAR(other.high, 5 * one.high - 3, 1e-9);
  EXPECT_EQ(message_of<InputError>([&] {
              anytime_interval({0.5, 1.5}, {0.1, 0.1}, 10);
            }),
            "step 2: the loss must lie in [0, 1], got 1.5");
}

TEST(ActiveBias, PartsAddUp) {
  core::Random random = core::Seed(4).random();
  for (int run = 0; run < 100; ++run) {
    std::vector<double> losses, q;
    for (int m = 0; m < 20; ++m) {
      losses.push_back(random.uniform());
      q.push_back(random.uniform(0.001, 0.9));
    }
    const double r = random.uniform(0, 2);
    const BiasParts parts = bias_parts(r, losses, q, 200);
    EXPECT_NEAR(parts.overfitting + parts.active_learning, r - risk(losses, q, 200, Estimator::kNone).value,
                1e-14);
  }
}

TEST(ActiveEstimators, RefuseWhatCannotBe) {
  EXPECT_NE(message_of<InputError>([] {
              lure_weights({0.5, 0}, 10);
            }).find("step 2: q must be"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] { pure_weights({1.5}, 10); }).find("got 1.5"), std::string::npos);
  EXPECT_NE(message_of<InputError>([] { lure_weights({std::nan("")}, 10); }).find("step 1"),
            std::string::npos);
  EXPECT_EQ(message_of<InputError>([] {
              lure_weights({0.5, 0.5, 1}, 2);
            }),
            "step 3: the pool has 2 points, and each is taken once");
  EXPECT_EQ(message_of<InputError>([] {
              risk({1, INFINITY}, {0.5, 0.5}, 9, Estimator::kLure);
            }),
            "step 2: the loss must be finite, got inf");
  EXPECT_EQ(message_of<InputError>([] {
              risk({1}, {0.5, 0.5}, 9, Estimator::kLure);
            }),
            "1 losses for 2 steps; each step has one");
  EXPECT_EQ(message_of<InputError>([] { parse_estimator("lur"); }),
            "no estimator 'lur'; did you mean 'lure'? there are none, pure and lure");
}

}  // namespace
}  // namespace lathe::evaluate::active
