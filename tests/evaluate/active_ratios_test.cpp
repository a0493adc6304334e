#include "lathe/evaluate/active/ratios.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/evaluate/active/proposal.h"
#include "lathe/math/intervals.h"
#include "tests/support/message.h"

namespace lathe::evaluate::active {
namespace {

// A pool of two classes, one rare, with a model that is better than chance, and scores of its belief.
struct TwoClasses {
  std::vector<int64_t> labels, predictions;
  std::vector<double> scores, doubt;
};

TwoClasses two_classes(int64_t n) {
  core::Random random = core::Seed(12).random();
  TwoClasses pool;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t label = random.uniform() < 0.2;
    const double logit = 1.5 * (label == 1 ? 1 : -1) + 1.2 * random.normal();
    const double p = 1 / (1 + std::exp(-logit));
    pool.labels.push_back(label);
    pool.predictions.push_back(p > 0.5);
    pool.scores.push_back(std::round(20 * p) / 20);  // ties
    pool.doubt.push_back(std::min(p, 1 - p));
  }
  return pool;
}

Labelled labelled(const TwoClasses& pool, const std::vector<Draw>& draws) {
  Labelled points;
  points.num_pool = static_cast<int64_t>(pool.labels.size());
  points.num_classes = 2;
  for (const Draw& draw : draws) {
    const auto i = static_cast<size_t>(draw.position);
    points.labels.push_back(pool.labels[i]);
    points.predictions.push_back(pool.predictions[i]);
    points.scores.push_back(pool.scores[i]);
    points.q.push_back(draw.q);
  }
  return points;
}

std::vector<Draw> draw(const TwoClasses& pool, int64_t count, uint64_t seed) {
  Sampler sampler(pool.doubt, {.floor = 0.2});
  core::Random random = core::Seed(seed).random();
  std::vector<Draw> draws;
  for (int64_t m = 0; m < count; ++m) draws.push_back(sampler.draw(random.uniform()));
  return draws;
}

// Metrics of the whole pool by their definitions.
struct Exact {
  double accuracy = 0, precision = 0, recall = 0, f1 = 0, auc = 0;
};

Exact exact(const TwoClasses& pool) {
  double right = 0, both = 0, predicted = 0, positive = 0, pairs = 0, won = 0;
  const size_t n = pool.labels.size();
  for (size_t i = 0; i < n; ++i) {
    right += pool.labels[i] == pool.predictions[i];
    both += pool.labels[i] == 1 && pool.predictions[i] == 1;
    predicted += pool.predictions[i] == 1;
    positive += pool.labels[i] == 1;
    for (size_t j = 0; j < n; ++j)
      if (pool.labels[i] == 1 && pool.labels[j] == 0) {
        ++pairs;
        won += pool.scores[i] > pool.scores[j] ? 1 : pool.scores[i] == pool.scores[j] ? 0.5 : 0;
      }
  }
  return {right / static_cast<double>(n), both / predicted, both / positive,
          2 * both / (predicted + positive), won / pairs};
}

TEST(ActiveRatios, OfTheWholePoolAreTheMetrics) {
  const TwoClasses pool = two_classes(300);
  const Labelled points = labelled(pool, draw(pool, 300, 1));
  const Exact truth = exact(pool);
  EXPECT_NEAR(accuracy(points, Estimator::kLure).value, truth.accuracy, 1e-12);
  EXPECT_NEAR(precision(points, 1, Estimator::kLure).value, truth.precision, 1e-12);
  EXPECT_NEAR(recall(points, 1, Estimator::kLure).value, truth.recall, 1e-12);
  EXPECT_NEAR(f1(points, 1, Estimator::kLure).value, truth.f1, 1e-12);
  EXPECT_NEAR(auc(points, Estimator::kLure).value, truth.auc, 1e-12);
  const Metric known = f1(points, 1, Estimator::kLure);
  EXPECT_EQ(known.interval.low, known.value);
  EXPECT_EQ(known.interval.high, known.value);
}

// Against a simulation: errors are as large as claimed, intervals cover, and without weights they do not.
TEST(ActiveRatios, DeltaMethodErrorsAndIntervals) {
  const TwoClasses pool = two_classes(1500);
  const Exact truth = exact(pool);
  constexpr int kTrials = 400;
  struct Tally {
    double truth, mean = 0, squares = 0, claimed = 0, covered = 0;
  };
  std::vector<Tally> tallies = {{truth.accuracy}, {truth.precision}, {truth.recall}, {truth.f1}, {truth.auc}};
  double unweighted = 0;
  for (int t = 0; t < kTrials; ++t) {
    const Labelled points = labelled(pool, draw(pool, 200, 100 + static_cast<uint64_t>(t)));
    const Metric metrics[] = {accuracy(points, Estimator::kLure), precision(points, 1, Estimator::kLure),
                              recall(points, 1, Estimator::kLure), f1(points, 1, Estimator::kLure),
                              auc(points, Estimator::kLure)};
    unweighted += accuracy(points, Estimator::kNone).value / kTrials;
    for (size_t i = 0; i < tallies.size(); ++i) {
      Tally& tally = tallies[i];
      tally.mean += metrics[i].value / kTrials;
      tally.squares += std::pow(metrics[i].value - tally.truth, 2) / kTrials;
      tally.claimed += std::pow(metrics[i].standard_error, 2) / kTrials;
      tally.covered += metrics[i].interval.low <= tally.truth && tally.truth <= metrics[i].interval.high;
    }
  }
  for (const Tally& tally : tallies) {
    EXPECT_NEAR(tally.mean, tally.truth, 0.02);  // ratios are consistent, not unbiased
    EXPECT_NEAR(std::sqrt(tally.claimed / tally.squares), 1, 0.2);
    EXPECT_GE(tally.covered / kTrials, 0.92);
  }
  EXPECT_LT(unweighted, truth.accuracy - 0.05);
}

// Uniform draws of a few of very many points, all right: Clopper and Pearson's interval.
TEST(ActiveRatios, IntervalHasAWidthWhereAllAgree) {
  Labelled points;
  points.num_pool = 1'000'000;
  points.num_classes = 2;
  for (int m = 0; m < 20; ++m) {
    points.labels.push_back(1);
    points.predictions.push_back(1);
    points.q.push_back(1.0 / (1'000'000 - m));
  }
  const Metric metric = accuracy(points, Estimator::kLure);
  const math::Interval expected = math::clopper_pearson_interval(20, 20);
  EXPECT_EQ(metric.value, 1);
  EXPECT_NEAR(metric.interval.low, expected.low, 1e-9);
  EXPECT_EQ(metric.interval.high, 1);
  const Metric none = precision(points, 0, Estimator::kLure);
  EXPECT_TRUE(std::isnan(none.value));
  EXPECT_TRUE(std::isnan(auc(
                             [&] {
                               Labelled p = points;
                               p.scores.assign(20, 0.5);
                               return p;
                             }(),
                             Estimator::kLure)
                             .value));
}

TEST(ActiveRatios, RefuseWhatDoesNotFit) {
  Labelled points{.labels = {0, 2}, .predictions = {0, 1}, .q = {0.1, 0.1}, .num_pool = 10, .num_classes = 2};
  EXPECT_EQ(testing_support::message_of<InputError>([&] { accuracy(points, Estimator::kLure); }),
            "step 2: class 2 is none of the 2 there are");
  points.labels = {0};
  EXPECT_NE(
      testing_support::message_of<InputError>([&] { accuracy(points, Estimator::kLure); }).find("1 labels"),
      std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::active
