#include "lathe/math/rank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "lathe/math/special.h"

namespace lathe::math {
namespace {

using Values = std::vector<double>;

int sign(double value) {
  return (value > 0) - (value < 0);
}

// Concordant minus discordant pairs, all of them looked at.
double score(const Values& x, const Values& y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    for (size_t j = 0; j < i; ++j) sum += sign(x[i] - x[j]) * sign(y[i] - y[j]);
  return sum;
}

Values random_integers(size_t n, int64_t below, core::Random& random) {
  Values values(n);
  for (double& value : values) value = static_cast<double>(random.below(below));
  return values;
}

TEST(Rank, TiesShareTheirMean) {
  EXPECT_EQ(ranks({10, 20, 10, 5, 20, 20}), (Values{2.5, 5, 2.5, 1, 5, 5}));
  EXPECT_EQ(ranks({}), Values{});
}

// The examples of SciPy's documentation.
TEST(Rank, PublishedExamples) {
  const Correlation rho = spearman({1, 2, 3, 4, 5}, {5, 6, 7, 8, 7});
  EXPECT_NEAR(rho.value, 0.8207826816681233, 1e-14);
  EXPECT_NEAR(rho.p_value, 0.08858700531354381, 1e-13);
  const Correlation tau = kendall({12, 2, 1, 12, 2}, {1, 4, 7, 1, 0});
  EXPECT_NEAR(tau.value, -0.47140452079103173, 1e-14);
  EXPECT_NEAR(tau.p_value, 0.2827454599327748, 1e-13);
}

TEST(Rank, PerfectOrder) {
  const Values up = {1, 2, 3, 4}, down = {9, 7, 5, -3};
  EXPECT_EQ(spearman(up, up).value, 1);
  EXPECT_EQ(spearman(up, down).value, -1);
  EXPECT_EQ(spearman(up, down).p_value, 0);
  EXPECT_EQ(kendall(up, down).value, -1);
  EXPECT_NEAR(kendall(up, down).p_value, 2.0 / 24, 1e-15);  // one permutation of 24 at either end
}

TEST(Rank, SpearmanWithoutTiesIsTheSumOfSquares) {
  core::Random random = core::Seed(1).random();
  Values x(30), y(30);
  for (double& value : x) value = random.normal();
  for (double& value : y) value = random.normal();
  const Values rank_x = ranks(x), rank_y = ranks(y);
  double squares = 0;
  for (size_t i = 0; i < 30; ++i) squares += (rank_x[i] - rank_y[i]) * (rank_x[i] - rank_y[i]);
  EXPECT_NEAR(spearman(x, y).value, 1 - 6 * squares / (30 * (900 - 1)), 1e-14);
}

TEST(Rank, KendallAgreesWithAllPairs) {
  core::Random random = core::Seed(2).random();
  for (const int64_t levels : {2, 5, 40, 1000000}) {
    for (const size_t n : {3u, 7u, 64u, 201u}) {
      const Values x = random_integers(n, levels, random), y = random_integers(n, levels, random);
      const double in_x = score(x, x), in_y = score(y, y);
      if (in_x == 0 || in_y == 0) continue;  // all equal
      EXPECT_NEAR(kendall(x, y).value, score(x, y) / std::sqrt(in_x * in_y), 1e-14);
    }
  }
}

// All permutations: the exact p-value without ties, the exact variance with them.
TEST(Rank, KendallsPValueAgreesWithAllPermutations) {
  const Values x = {1, 2, 3, 4, 5, 6, 7};
  Values y = {2, 1, 4, 3, 6, 7, 5};
  const double observed = score(x, y), p = kendall(x, y).p_value;
  std::sort(y.begin(), y.end());
  double as_extreme = 0, all = 0;
  do {
    as_extreme += std::abs(score(x, y)) >= std::abs(observed);
    ++all;
  } while (std::next_permutation(y.begin(), y.end()));
  EXPECT_NEAR(p, as_extreme / all, 1e-14);

  const Values tied_x = {1, 1, 2, 2, 2, 3, 4};
  const Values tied_y = {1, 2, 2, 3, 3, 3, 3};
  Values index = {0, 1, 2, 3, 4, 5, 6};
  double squares = 0;
  do {
    Values shuffled(7);
    for (size_t i = 0; i < 7; ++i) shuffled[i] = tied_y[static_cast<size_t>(index[i])];
    squares += std::pow(score(tied_x, shuffled), 2);
  } while (std::next_permutation(index.begin(), index.end()));
  const double z = std::abs(score(tied_x, tied_y)) / std::sqrt(squares / 5040);
  EXPECT_NEAR(kendall(tied_x, tied_y).p_value, 2 * normal_cdf(-z), 1e-13);
}

// The exact distribution hands over to the normal one at 50 pairs.
TEST(Rank, KendallsTwoPValuesMeet) {
  core::Random random = core::Seed(3).random();
  Values x(50), y(50);
  for (size_t i = 0; i < 50; ++i) x[i] = random.normal(), y[i] = 0.3 * x[i] + random.normal();
  const double exact = kendall(x, y).p_value;
  const double variance = 50 * 49 * 105 / 18.0;
  EXPECT_NEAR(exact, 2 * normal_cdf(-std::abs(score(x, y)) / std::sqrt(variance)), 0.03 * exact + 1e-3);
}

TEST(Rank, ManyPairs) {
  core::Random random = core::Seed(4).random();
  Values x(300000), y(300000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = random.normal(), y[i] = x[i] + random.normal();
  // Bivariate normal: tau = 2/pi arcsin(r), rho = 6/pi arcsin(r/2), r = 1/sqrt 2.
  EXPECT_NEAR(kendall(x, y).value, 0.5, 0.004);
  EXPECT_NEAR(spearman(x, y).value, 6 / M_PI * std::asin(std::sqrt(0.125)), 0.004);
}

TEST(Rank, RefusesWhatMakesNoSense) {
  for (const auto& correlation : {spearman, kendall}) {
    EXPECT_THROW(correlation({}, {}), InputError);
    EXPECT_THROW(correlation({1, 2}, {1, 2}), InputError);
    EXPECT_THROW(correlation({1, 2, 3}, {1, 2}), InputError);
    EXPECT_THROW(correlation({1, 2, 3}, {4, 4, 4}), InputError);
    EXPECT_THROW(correlation({1, 2, std::nan("")}, {1, 2, 3}), InputError);
  }
  EXPECT_THROW(ranks({1, std::nan("")}), InputError);
}

}  // namespace
}  // namespace lathe::math
