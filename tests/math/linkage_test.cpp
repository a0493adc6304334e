#include "lathe/math/linkage.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::math {
namespace {

// Points 0, 1, 5, 6.5 and 20 of a line, by hand: {0, 1} at 1, {5, 6.5} at 1.5, these at (5 + 6.5 + 4
// + 5.5)/4, all at the mean of 20, 19, 15 and 13.5.
TEST(AverageLinkage, HandExample) {
  const std::vector<double> x = {5, 20, 0, 6.5, 1};
  std::vector<std::vector<double>> distance(5, std::vector<double>(5));
  for (size_t i = 0; i < 5; ++i)
    for (size_t j = 0; j < 5; ++j) distance[i][j] = std::abs(x[i] - x[j]);
  const std::vector<Merge> merges = average_linkage(distance);
  ASSERT_EQ(merges.size(), 4u);
  const double heights[] = {1, 1.5, 5.25, 16.875};
  const size_t pairs[][2] = {{2, 4}, {0, 3}, {5, 6}, {1, 7}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(merges[i].distance, heights[i], 1e-12);
    EXPECT_EQ(merges[i].a, pairs[i][0]) << i;
    EXPECT_EQ(merges[i].b, pairs[i][1]) << i;
  }
  EXPECT_EQ(leaf_order(merges), (std::vector<size_t>{1, 2, 4, 0, 3}));
}

TEST(AverageLinkage, OfOneAndOfNoSquare) {
  EXPECT_TRUE(average_linkage({{0}}).empty());
  EXPECT_EQ(leaf_order({}), std::vector<size_t>{0});
  EXPECT_THROW(average_linkage({{0, 1}, {1}}), InputError);
  EXPECT_THROW(average_linkage({{0, NAN}, {NAN, 0}}), InputError);
}

}  // namespace
}  // namespace lathe::math
