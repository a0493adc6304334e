#include "lathe/math/intraclass.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lathe/core/error.h"
#include "lathe/core/seed.h"
#include "tests/support/message.h"

namespace lathe::math {
namespace {

using testing_support::message_of;

// By hand: groups (1, 3) and (5, 7), means 2, 6, 4: MSB = 2·4 + 2·4 = 16, MSW = (1+1+1+1)/2 = 2, n0 = 2:
// 14 / 18.
TEST(Intraclass, ByHand) {
  const Intraclass r = intraclass({0, 0, 1, 1}, {1, 3, 5, 7});
  EXPECT_DOUBLE_EQ(r.mean_square_between, 16);
  EXPECT_DOUBLE_EQ(r.mean_square_within, 2);
  EXPECT_DOUBLE_EQ(r.group_size, 2);
  EXPECT_DOUBLE_EQ(r.correlation, 14.0 / 18);
}

// Sizes 1, 2, 3: n0 = (6 - 14/6) / 2 = 11/6, which is not the mean size.
TEST(Intraclass, UnequalGroups) {
  EXPECT_DOUBLE_EQ(intraclass({4, 2, 2, 7, 7, 7}, {0, 1, 2, 3, 5, 7}).group_size, 11.0 / 6);
  EXPECT_EQ(intraclass({4, 2, 2, 7, 7, 7}, {0, 1, 2, 3, 5, 7}).num_groups, 3);
}

TEST(Intraclass, Extremes) {
  EXPECT_DOUBLE_EQ(intraclass({0, 0, 1, 1}, {2, 2, 5, 5}).correlation, 1);
  EXPECT_DOUBLE_EQ(intraclass({0, 0, 1, 1}, {2, 5, 2, 5}).correlation, -1);  // -1 / (n0 - 1)
  EXPECT_TRUE(std::isnan(intraclass({0, 0, 1, 1}, {2, 2, 2, 2}).correlation));
}

// x_ij = u_i + e_ij with variances 0.3 and 0.7: the mean estimate of 200 draws is 0.3.
TEST(Intraclass, FindsAPlantedCorrelation) {
  core::Random random = core::Seed(1).random();
  double sum = 0;
  for (int draw = 0; draw < 200; ++draw) {
    std::vector<int32_t> groups;
    std::vector<double> values;
    for (int32_t g = 0; g < 50; ++g) {
      const double effect = std::sqrt(0.3) * random.normal();
      for (int32_t j = 0; j < 3 + g % 5; ++j) {
        groups.push_back(g);
        values.push_back(effect + std::sqrt(0.7) * random.normal());
      }
    }
    sum += intraclass(groups, values).correlation;
  }
  EXPECT_NEAR(sum / 200, 0.3, 0.015);
}

TEST(Intraclass, RefusesWhatItCannotTell) {
  const auto message = [](const std::vector<int32_t>& groups, const std::vector<double>& values) {
    return message_of<InputError>([&] { intraclass(groups, values); });
  };
  EXPECT_EQ(message({0, 1}, {1}), "intraclass: 2 groups for 1 values");
  EXPECT_EQ(message({0, 0}, {1, 2}), "intraclass: needs at least two groups, got 1");
  EXPECT_EQ(message({}, {}), "intraclass: needs at least two groups, got 0");
  EXPECT_EQ(message({0, 1}, {1, 2}), "intraclass: needs a group of at least two values, got 2 groups of one");
  EXPECT_EQ(message({0, -1}, {1, 2}), "intraclass: groups must not be negative, got -1");
  EXPECT_NE(message({0, 1}, {1, std::numeric_limits<double>::quiet_NaN()}).find("finite"), std::string::npos);
}

}  // namespace
}  // namespace lathe::math
