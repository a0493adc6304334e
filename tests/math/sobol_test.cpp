#include "lathe/math/sobol.h"

#include <gtest/gtest.h>

#include <boost/random/sobol.hpp>
#include <cmath>
#include <set>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

using Eigen::MatrixXd;

constexpr Scrambling kAll[] = {Scrambling::kNone, Scrambling::kDigitalShift, Scrambling::kMatrix};

// The first ten points in three dimensions as listed by Joe & Kuo (web.maths.unsw.edu.au/~fkuo/sobol).
TEST(Sobol, PublishedPoints) {
  MatrixXd expected(10, 3);
  expected << 0, 0, 0, 0.5, 0.5, 0.5, 0.75, 0.25, 0.25, 0.25, 0.75, 0.75, 0.375, 0.375, 0.625, 0.875, 0.875,
      0.125, 0.625, 0.125, 0.875, 0.125, 0.625, 0.375, 0.1875, 0.3125, 0.9375, 0.6875, 0.8125, 0.4375;
  EXPECT_EQ(Sobol(3, {.scrambling = Scrambling::kNone}).points(0, 10), expected);
}

// Boost's engine leaves out the origin.
TEST(Sobol, AgreesWithBoostsEngine) {
  const int64_t dimension = 200;
  const MatrixXd points = Sobol(dimension, {.scrambling = Scrambling::kNone}).points(1, 1000);
  boost::random::sobol engine(dimension);
  for (int64_t i = 0; i < 1000; ++i)
    for (int64_t j = 0; j < dimension; ++j)
      ASSERT_EQ(points(i, j), static_cast<double>(engine() >> 11) * 0x1p-53);
}

// Every aligned block of 2^k points has one in each of the 2^k slices, in every coordinate that there is.
TEST(Sobol, EverySliceHasOnePoint) {
  for (const Scrambling scrambling : kAll) {
    const MatrixXd points = Sobol(3667, {.scrambling = scrambling}).points(192, 64);
    for (int64_t j = 0; j < points.cols(); ++j) {
      std::set<int> slices;
      for (int64_t i = 0; i < 64; ++i) slices.insert(static_cast<int>(points(i, j) * 64));
      ASSERT_EQ(slices.size(), 64u) << j;
    }
  }
}

// The first two coordinates are a (0, 8, 2)-net: one of 256 points in each box of 2^a x 2^(8-a).
TEST(Sobol, EveryElementaryBoxHasOnePoint) {
  for (const Scrambling scrambling : kAll) {
    const MatrixXd points = Sobol(2, {.scrambling = scrambling}).points(256, 256);
    for (int a = 0; a <= 8; ++a) {
      std::set<int> boxes;
      for (int64_t i = 0; i < 256; ++i)
        boxes.insert(static_cast<int>(points(i, 0) * (1 << a)) * 256 +
                     static_cast<int>(points(i, 1) * (256 >> a)));
      EXPECT_EQ(boxes.size(), 256u) << a;
    }
  }
}

TEST(Sobol, AnyPointAtAnyTime) {
  for (const Scrambling scrambling : kAll) {
    const Sobol sobol(7, {.scrambling = scrambling});
    const MatrixXd points = sobol.points(0, 300);
    EXPECT_EQ(sobol.points(123, 100), points.middleRows(123, 100));
    EXPECT_EQ(sobol.point(299), points.row(299).transpose());
    EXPECT_LT(sobol.point((int64_t{1} << 53) - 1).maxCoeff(), 1);
  }
}

// The mean of the product of u + 1/2 over 8 coordinates is 1: random points are off by about 0.015, scrambled
// ones by far less, and over seeds they are unbiased.
TEST(Sobol, IntegratesBetterThanChance) {
  double sum = 0, squares = 0;
  const int num_seeds = 30;
  for (int seed = 0; seed < num_seeds; ++seed) {
    const MatrixXd points = Sobol(8, {.seed = core::Seed(seed)}).points(0, 4096);
    const double error = (1 + (points.array() - 0.5)).rowwise().prod().mean() - 1;
    sum += error;
    squares += error * error;
  }
  const double deviation = std::sqrt(squares / num_seeds);
  const double of_chance = std::sqrt((std::pow(13.0 / 12, 8) - 1) / 4096);
  EXPECT_LT(deviation, of_chance / 20);
  EXPECT_LT(std::abs(sum / num_seeds), 4 * deviation / std::sqrt(num_seeds));
}

TEST(Sobol, SeedsDiffer) {
  for (const Scrambling scrambling : {Scrambling::kDigitalShift, Scrambling::kMatrix}) {
    const auto first = [&](uint64_t seed) { return Sobol(5, {scrambling, core::Seed(seed)}).points(0, 8); };
    EXPECT_EQ(first(1), first(1));
    EXPECT_NE(first(1), first(2));
  }
}

TEST(Sobol, RefusesWhatMakesNoSense) {
  EXPECT_THROW(Sobol(0), InputError);
  EXPECT_THROW(Sobol(3668), InputError);
  EXPECT_THROW(Sobol(2).point(-1), InputError);
  EXPECT_THROW(Sobol(2).points(0, -1), InputError);
  EXPECT_THROW(Sobol(2).points(int64_t{1} << 53, 1), InputError);
  EXPECT_EQ(Sobol(2).points(5, 0).rows(), 0);
}

}  // namespace
}  // namespace lathe::math
