#include "lathe/core/error.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Error, ExitCodes) {
  EXPECT_EQ(exit_code(InputError("x")), 2);
  EXPECT_EQ(exit_code(Error("x")), 1);
  EXPECT_EQ(exit_code(Interrupted("x")), 130);
  EXPECT_EQ(exit_code(std::logic_error("x")), 1);
}

TEST(Error, FormatsItsMessage) {
  EXPECT_STREQ(InputError("{} must be {}, got {}", "a", 3, 4.5).what(), "a must be 3, got 4.5");
  EXPECT_STREQ(Error("braces {} stay").what(), "braces {} stay");
}

}  // namespace
}  // namespace lathe
