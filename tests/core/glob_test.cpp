#include "lathe/core/glob.h"

#include <gtest/gtest.h>

namespace lathe::core {
namespace {

TEST(Glob, StarsStandForAnyText) {
  for (const auto& [name, pattern] :
       {std::pair{"head.weight", "head.*"}, std::pair{"head.weight", "*weight"}, std::pair{"abcabc", "a*c"},
        std::pair{"abcabd", "*ab*d"}, std::pair{"", ""}, std::pair{"", "*"}, std::pair{"x", "**"},
        std::pair{"x", "x"}})
    EXPECT_TRUE(matches(name, pattern)) << name << " " << pattern;
  for (const auto& [name, pattern] : {std::pair{"head.weight", "head"}, std::pair{"head", "head.*"},
                                      std::pair{"abcab", "*abc"}, std::pair{"x", ""}, std::pair{"xy", "y*"}})
    EXPECT_FALSE(matches(name, pattern)) << name << " " << pattern;
}

// A recursive matcher would need ages.
TEST(Glob, ManyStarsAreNotSlow) {
  EXPECT_FALSE(matches(std::string(5000, 'a'), "a*a*a*a*a*a*a*a*a*a*a*a*b"));
}

}  // namespace
}  // namespace lathe::core
