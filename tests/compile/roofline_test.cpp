#include "lathe/compile/roofline.h"

#include <gtest/gtest.h>

namespace lathe::compile {
namespace {

TEST(Roofline, IsTheLargerOfBothTimes) {
  const Roofline roofline{.flops = 100, .bandwidth = 10};
  EXPECT_EQ(roofline.seconds(200, 1), 2);
  EXPECT_EQ(roofline.seconds(200, 50), 5);
}

TEST(Roofline, OfThisProcessorIsPlausible) {
  const Roofline roofline = measure_roofline(1);
  EXPECT_GT(roofline.flops, 1e9);
  EXPECT_LT(roofline.flops, 1e12);
  EXPECT_GT(roofline.bandwidth, 2e8);
  EXPECT_LT(roofline.bandwidth, 1e12);
}

}  // namespace
}  // namespace lathe::compile
