#include "lathe/evaluate/active/proposal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "tests/support/message.h"

namespace lathe::evaluate::active {
namespace {

using testing_support::message_of;

double total(const Sampler& sampler, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += sampler.probability(i);
  return sum;
}

std::vector<double> random_scores(int64_t n, uint64_t seed) {
  core::Random random = core::Seed(seed).random();
  std::vector<double> scores;
  for (int64_t i = 0; i < n; ++i) scores.push_back(random.uniform());
  return scores;
}

TEST(ActiveProposal, ProbabilitiesByHand) {
  const std::vector<double> scores = {1, 2, 3, 4};
  const Sampler proportional(scores, {});
  const Sampler softmax(scores, {.kind = ProposalKind::kSoftmax, .temperature = 2});
  const Sampler floored(scores, {.floor = 0.2});
  const double z = std::exp(0.8) + std::exp(1.6) + std::exp(2.4) + std::exp(3.2);  // 2 s / 2.5
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(proportional.probability(i), static_cast<double>(i + 1) / 10, 1e-15);
    EXPECT_NEAR(softmax.probability(i), std::exp(0.8 * static_cast<double>(i + 1)) / z, 1e-15);
    EXPECT_NEAR(floored.probability(i), 0.8 * static_cast<double>(i + 1) / 10 + 0.05, 1e-15);
  }
}

TEST(ActiveProposal, SumsToOneAfterEveryDraw) {
  core::Random random = core::Seed(1).random();
  for (const ProposalOptions& options : {ProposalOptions{.floor = 0.1},
                                         {.kind = ProposalKind::kSoftmax, .temperature = 3},
                                         {.kind = ProposalKind::kUniform},
                                         {.floor = 1}}) {
    Sampler sampler(random_scores(37, 5), options);
    while (sampler.remaining() > 0) {
      EXPECT_NEAR(total(sampler, 37), 1, 1e-12);
      const auto before = sampler.remaining();
      const Draw draw = sampler.draw(random.uniform());
      EXPECT_EQ(draw.remaining, before);
      EXPECT_EQ(sampler.probability(draw.position), 0);
    }
  }
}

// Draws come as often as q says; checked on the first and, given the first, on the second.
TEST(ActiveProposal, DrawsFollowTheirProbabilities) {
  const std::vector<double> scores = {1, 2, 3, 4};
  std::map<std::pair<int64_t, int64_t>, double> counts;
  constexpr int kTrials = 40000;
  core::Random random = core::Seed(2).random();
  for (int t = 0; t < kTrials; ++t) {
    Sampler sampler(scores, {.floor = 0.25});
    const int64_t first = sampler.draw(random.uniform()).position;
    ++counts[{first, sampler.draw(random.uniform()).position}];
  }
  for (int64_t a = 0; a < 4; ++a)
    for (int64_t b = 0; b < 4; ++b) {
      if (a == b) continue;
      Sampler sampler(scores, {.floor = 0.25});
      const double first = sampler.probability(a);
      sampler.remove(a);
      const double expected = first * sampler.probability(b);
      EXPECT_NEAR((counts[{a, b}]) / kTrials, expected, 5 * std::sqrt(expected / kTrials)) << a << b;
    }
}

// One sampler that draws a batch, and as many that each begin anew with what was taken: the same to the bit.
TEST(ActiveProposal, BatchIsSingleStepsWithFrozenScores) {
  const std::vector<double> scores = random_scores(1000, 3);
  for (ProposalKind kind : {ProposalKind::kProportional, ProposalKind::kSoftmax}) {
    const ProposalOptions options = {.kind = kind, .temperature = 2, .floor = 0.05};
    core::Random one = core::Seed(4).random(), other = core::Seed(4).random();
    Sampler batch(scores, options);
    std::vector<int64_t> taken;
    for (int m = 0; m < 200; ++m) {
      const Draw drawn = batch.draw(one.uniform());
      Sampler fresh(scores, options);
      for (int64_t position : taken) fresh.remove(position);
      const Draw again = fresh.draw(other.uniform());
      ASSERT_EQ(drawn.position, again.position);
      ASSERT_EQ(drawn.q, again.q);
      ASSERT_EQ(drawn.remaining, again.remaining);
      taken.push_back(drawn.position);
    }
  }
}

TEST(ActiveProposal, SoftmaxStaysFinite) {
  for (double temperature : {0.0, 1.0, 1e4, 1e6}) {
    const Sampler sampler({1, 2, 0.5, 0.5},  // mean 1
                          {.kind = ProposalKind::kSoftmax, .temperature = temperature});
    EXPECT_NEAR(total(sampler, 4), 1, 1e-12) << temperature;
    for (int64_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(std::isfinite(sampler.probability(i)));
      EXPECT_GT(sampler.probability(i), 0);
    }
    EXPECT_EQ(sampler.num_floored(), temperature > 1000 ? 3 : 0);
  }
}

TEST(ActiveProposal, PointsWithoutAScoreStayPossibleAndAreCounted) {
  Sampler sampler({0, 1, 0}, {});
  EXPECT_EQ(sampler.num_floored(), 2);
  EXPECT_GT(sampler.probability(0), 0);
  EXPECT_EQ(sampler.draw(0.5).position, 1);
  EXPECT_NEAR(sampler.probability(0), 0.5, 1e-12);
}

TEST(ActiveProposal, GreedyTakesTheHighest) {
  Sampler sampler({1, 5, 5, 2}, {.kind = ProposalKind::kGreedy});
  for (int64_t expected : {1, 2, 3, 0}) {
    const Draw draw = sampler.draw(0.3);
    EXPECT_EQ(draw.position, expected);
    EXPECT_EQ(draw.q, 1);
  }
  EXPECT_EQ(message_of<InputError>([&] { sampler.draw(0.1); }), "every point of the pool was taken");
}

TEST(ActiveProposal, TreeFindsWhatAScanFinds) {
  core::Random random = core::Seed(6).random();
  for (int64_t n : {1, 2, 3, 17, 100}) {
    std::vector<double> weights;
    for (int64_t i = 0; i < n; ++i)
      weights.push_back(random.below(4) == 0 ? 0 : 1.0 + static_cast<double>(random.below(8)));
    weights[0] = 1;  // whole numbers: sums are exact in any order
    WeightTree tree(weights);
    for (int t = 0; t < 200; ++t) {
      const double u = random.uniform();
      double sum = 0;
      int64_t expected = 0;
      for (sum = weights[0]; sum <= u * tree.total(); sum += weights[static_cast<size_t>(expected)])
        ++expected;
      EXPECT_EQ(tree.find(u), expected);
    }
    EXPECT_GT(weights[static_cast<size_t>(tree.find(std::nextafter(1.0, 0.0)))], 0);
  }
}

TEST(ActiveProposal, RefusesBadScores) {
  const NameOf name = [](int64_t i) { return "id 'p" + std::to_string(i) + "'"; };
  for (const auto& [score, text] : std::map<double, std::string>{{-0.5, "-0.5"}, {INFINITY, "inf"}})
    EXPECT_EQ(message_of<InputError>([&, s = score] {
                Sampler({1, s}, {}, name);
              }),
              "the score of id 'p1' must be finite and at least 0, got " + text);
  EXPECT_NE(message_of<InputError>([&] {
              Sampler({std::nan(""), 1}, {}, name);
            }).find("id 'p0'"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([] {
              Sampler({0, 0}, {});
            }).find("all 2 scores are 0"),
            std::string::npos);
  const Sampler allowed({0, 0}, {.zero_scores = ZeroScores::kUniform});
  EXPECT_EQ(allowed.probability(1), 0.5);
  EXPECT_NE(message_of<InputError>([] { Sampler({}, {}); }).find("no point"), std::string::npos);
  EXPECT_NE(message_of<InputError>([] { Sampler({1}, {.floor = 1.5}); }).find("floor"), std::string::npos);
  EXPECT_NE(message_of<InputError>([] { Sampler({1}, {.temperature = -1}); }).find("temperature"),
            std::string::npos);
}

// Brute force on the same pool: at the advised floor useless scores cost twice the variance, no less.
TEST(ActiveProposal, FloorAdviceKeepsItsPromise) {
  std::vector<double> scores;
  for (int i = 0; i < 200; ++i) scores.push_back(std::pow((i + 1) / 200.0, 4));
  const FloorAdvice advice = advise_floor(scores, {}, 2);
  const Sampler sampler(scores, {.floor = advice.floor});
  double useless = 0, exact = 0, squares = 0, largest = 0;
  for (int64_t i = 0; i < 200; ++i) {
    const double q = sampler.probability(i), s = scores[static_cast<size_t>(i)];
    useless += 1 / (200 * q) / 200;
    exact += s * s / (200 * q);
    squares += s * s;
    largest = std::max(largest, 1 / (200 * q));
  }
  EXPECT_NEAR(useless, 2, 1e-6);
  EXPECT_NEAR(advice.if_useless, useless, 1e-9);
  EXPECT_NEAR(advice.if_exact, exact / squares, 1e-9);
  EXPECT_NEAR(advice.largest_weight, largest, 1e-9);
  EXPECT_LT(advice.if_exact, 1);
  EXPECT_EQ(advise_floor({1, 1.1, 0.9}, {}, 2).floor, 0);
}

}  // namespace
}  // namespace lathe::evaluate::active
