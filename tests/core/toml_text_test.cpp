#include "lathe/core/toml_text.h"

#include <gtest/gtest.h>

namespace lathe::core {
namespace {

TEST(TomlText, Values) {
  EXPECT_EQ(to_toml(std::string("a\"\\\n\x7f ü")), "\"a\\\"\\\\\\u000a\\u007f ü\"");
  EXPECT_EQ(to_toml(true), "true");
  EXPECT_EQ(to_toml(int64_t{-5}), "-5");
  EXPECT_EQ(to_toml(-5.0), "-5.0");
  EXPECT_EQ(to_toml(0.1), "0.1");
  EXPECT_EQ(to_toml(1e100), "1e+100");
  EXPECT_EQ(to_toml(std::vector<int64_t>{}), "[]");
  EXPECT_EQ(to_toml(std::vector<double>{1, 2.5}), "[1.0, 2.5]");
}

TEST(TomlText, KeysAreQuotedWhereTomlAsksForIt) {
  EXPECT_EQ(join_key("", "batch_size-2"), "batch_size-2");
  EXPECT_EQ(join_key("train", "sam"), "train.sam");
  EXPECT_EQ(join_key("train", "a.b"), "train.\"a.b\"");
  EXPECT_EQ(join_key("", ""), "\"\"");
}

}  // namespace
}  // namespace lathe::core
