#include "lathe/math/latin_hypercube.h"

#include <gtest/gtest.h>

#include <set>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

TEST(LatinHypercube, EverySliceHasOnePoint) {
  const Eigen::MatrixXd points = latin_hypercube(50, 6, core::Seed(1));
  for (int64_t j = 0; j < 6; ++j) {
    std::set<int> slices;
    for (int64_t i = 0; i < 50; ++i) slices.insert(static_cast<int>(points(i, j) * 50));
    EXPECT_EQ(slices.size(), 50u);
  }
}

// The mean of a sum of coordinates has the variance dimension / (12 count³), 1 / count² of that of random
// points (Stein 1987: additive functions are integrated by the slices alone).
TEST(LatinHypercube, AdditiveFunctionsVaryByTheSliceOnly) {
  const int64_t count = 10, dimension = 3;
  double squares = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const double mean = latin_hypercube(count, dimension, core::Seed(seed)).rowwise().sum().mean();
    squares += (mean - 1.5) * (mean - 1.5) / 4000;
  }
  EXPECT_NEAR(squares / (3 / (12 * 1000.0)), 1, 0.1);
}

TEST(LatinHypercube, CoordinatesArePairedAtRandom) {
  double correlation = 0;
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Eigen::ArrayXXd points = latin_hypercube(20, 2, core::Seed(seed)).array() - 0.5;
    correlation += 12 * (points.col(0) * points.col(1)).mean() / 500;
  }
  EXPECT_NEAR(correlation, 0, 4 / std::sqrt(20.0 * 500));
}

TEST(LatinHypercube, SeedsDiffer) {
  EXPECT_EQ(latin_hypercube(9, 2, core::Seed(1)), latin_hypercube(9, 2, core::Seed(1)));
  EXPECT_NE(latin_hypercube(9, 2, core::Seed(1)), latin_hypercube(9, 2, core::Seed(2)));
  EXPECT_THROW(latin_hypercube(0, 2, core::Seed(1)), InputError);
  EXPECT_THROW(latin_hypercube(2, 0, core::Seed(1)), InputError);
}

}  // namespace
}  // namespace lathe::math
