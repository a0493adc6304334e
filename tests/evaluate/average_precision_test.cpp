#include "lathe/evaluate/average_precision.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::evaluate {
namespace {

double ap(std::vector<double> scores, std::vector<int64_t> relevant) {
  return average_precision(torch::tensor(scores, torch::kFloat64), torch::tensor(relevant));
}

TEST(AveragePrecision, MatchesValuesByHand) {
  EXPECT_DOUBLE_EQ(ap({3, 2, 1}, {1, 1, 0}), 1);
  EXPECT_DOUBLE_EQ(ap({3, 2, 1}, {0, 0, 1}), 1.0 / 3);
  EXPECT_DOUBLE_EQ(ap({0.9, 0.8, 0.7, 0.6}, {1, 0, 1, 0}), 0.5 * 1 + 0.5 * 2 / 3);
  EXPECT_DOUBLE_EQ(ap({1, 4, 2, 3}, {0, 1, 1, 0}), 0.5 * 1 + 0.5 * 2 / 3) << "any order";
}

// Equal scores cannot be told apart: the precision is the share of relevant examples.
TEST(AveragePrecision, CountsEqualScoresTogether) {
  EXPECT_DOUBLE_EQ(ap({1, 1, 1, 1}, {1, 0, 0, 0}), 0.25);
  EXPECT_DOUBLE_EQ(ap({1, 1, 1, 1}, {0, 0, 0, 1}), 0.25);
  EXPECT_DOUBLE_EQ(ap({2, 1, 1}, {1, 1, 0}), 0.5 + 0.5 * 2 / 3);
}

TEST(AveragePrecision, RefusesWhatHasNoAnswer) {
  EXPECT_THROW(ap({1, 2}, {1}), InputError);
  EXPECT_THROW(ap({1, 2}, {0, 0}), InputError);
  EXPECT_THROW(ap({1, NAN}, {0, 1}), InputError);
}

}  // namespace
}  // namespace lathe::evaluate
