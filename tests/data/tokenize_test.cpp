#include "lathe/data/tokenize.h"

#include <gtest/gtest.h>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

TEST(Tokenize, PartsWordsFromPunctuation) {
  EXPECT_EQ(tokenize("The dog's up-to-date (so-called) 'house', 3.5 m"),
            (Sentence{"the", "dog's", "up-to-date", "(", "so-called", ")", "'", "house", "'", ",", "3", ".",
                      "5", "m"}));
  EXPECT_EQ(tokenize("naïve\tcafé—bar"), (Sentence{"naïve", "café—bar"}));
  EXPECT_EQ(tokenize("a--b -c-"), (Sentence{"a", "-", "-", "b", "-", "c", "-"}));
  EXPECT_TRUE(tokenize(" \n").empty());
}

TEST(Vocabulary, NumbersByFrequencyThenAlphabet) {
  const std::vector<Sentence> text = {{"b", "a", "c"}, {"c", "b"}, {"c"}};
  const Vocabulary all(text), two(text, 2);
  EXPECT_EQ(all.size(), kNumSpecialWords + 3);
  EXPECT_EQ(all.number("c"), kNumSpecialWords);
  EXPECT_EQ(all.number("b"), kNumSpecialWords + 1);
  EXPECT_EQ(all.word(kNumSpecialWords + 2), "a");
  EXPECT_EQ(two.size(), kNumSpecialWords + 2);
  EXPECT_EQ(two.number("a"), kUnknown);
  EXPECT_FALSE(two.has("a"));
  EXPECT_THROW(two.word(kNumSpecialWords + 2), Error);
  EXPECT_THROW(two.word(-1), Error);
  EXPECT_INPUT_ERROR(Vocabulary(text, -1), "-1 words");
}

}  // namespace
}  // namespace lathe::data
