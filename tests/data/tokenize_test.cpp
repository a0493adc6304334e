#include "lathe/data/tokenize.h"

#include <gtest/gtest.h>

#include "lathe/data/text.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

TEST(Tokenize, PartsWordsFromPunctuation) {
  EXPECT_EQ(tokenize("The dog's up-to-date (so-called) 'house', 3.5 m"),
            (Sentence{"the", "dog's", "up-to-date", "(", "so-called", ")", "'", "house", "'", ",", "3", ".",
                      "5", "m"}));
  EXPECT_EQ(tokenize("naïve\tcafé—bar"), (Sentence{"naïve", "café", "—", "bar"}));
  EXPECT_EQ(tokenize("a--b -c-"), (Sentence{"a", "-", "-", "b", "-", "c", "-"}));
  EXPECT_TRUE(tokenize(" \n").empty());
}

std::vector<std::string> strings(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

// What a reader takes for one character, by hand; the pieces make up the text.
TEST(Graphemes, KeepWhatBelongsTogether) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(strings(graphemes("ab c")), (Texts{"a", "b", " ", "c"}));
  EXPECT_EQ(strings(graphemes("e\u0301a")), (Texts{"e\u0301", "a"}));  // combining accent
  EXPECT_EQ(strings(graphemes("हिन्")), (Texts{"हि", "न्"}));            // Devanagari
  EXPECT_EQ(strings(graphemes("👩‍👩‍👧x🇩🇪🇫🇷👍🏽")),
            (Texts{"👩‍👩‍👧", "x", "🇩🇪", "🇫🇷", "👍🏽"}));
  EXPECT_EQ(strings(graphemes("a\r\nb")), (Texts{"a", "\r\n", "b"}));
  EXPECT_TRUE(graphemes("").empty());
}

TEST(Graphemes, MakeUpAnyBytes) {
  core::Random random(3);
  const std::string alphabet = "a\xcc\x81\xf0\x9f\x91\xa9\xe2\x80\x8d\xff\r\n ";
  for (int round = 0; round < 500; ++round) {
    std::string bytes, joined;
    for (int64_t i = random.below(12); i > 0; --i)
      bytes += alphabet[static_cast<size_t>(random.below(static_cast<int64_t>(alphabet.size())))];
    for (const std::string_view piece : graphemes(bytes)) {
      EXPECT_FALSE(piece.empty());
      joined += piece;
    }
    EXPECT_EQ(joined, bytes);
    for (const std::string& token : tokenize(bytes)) EXPECT_TRUE(is_utf8(token) && !token.empty());
  }
}

TEST(Tokenize, KnowsUnicode) {
  EXPECT_EQ(tokenize("ÜBER Straße ΟΔΟΣ"), (Sentence{"über", "straße", "οδος"}));
  EXPECT_EQ(tokenize("e\u0301te\u0301"), (Sentence{"été"}));  // composed
  EXPECT_EQ(tokenize("так-то, l’été"), (Sentence{"так-то", ",", "l’été"}));
  EXPECT_EQ(tokenize("Wow 👩‍👩‍👧!!🇩🇪"),
            (Sentence{"wow", "👩‍👩‍👧", "!", "!", "🇩🇪"}));
  EXPECT_EQ(tokenize("我喜欢这家酒店。"), (Sentence{"我", "喜欢", "这", "家", "酒店", "。"}));
  EXPECT_EQ(tokenize("ฉันรักคุณ"), (Sentence{"ฉัน", "รัก", "คุณ"}));
  EXPECT_EQ(tokenize("नमस्ते दुनिया"), (Sentence{"नमस्ते", "दुनिया"}));
  EXPECT_EQ(tokenize("a\u00a0b\u200bc\u3000d"), (Sentence{"a", "b", "c", "d"}));
  EXPECT_EQ(tokenize("a\xff b"), (Sentence{"a", "\ufffd", "b"}));
}

// Every token's view lies in the text, in order, and nothing but white space is left out.
TEST(Tokenize, ViewsCoverTheText) {
  const std::string text = "  Über-cool: 3.5 € für's 酒店👍🏽 …\n";
  const char* at = text.data();
  std::string joined;
  for (const std::string_view token : token_views(text)) {
    EXPECT_GE(token.data(), at);
    at = token.data() + token.size();
    joined += token;
  }
  std::string without_spaces;
  for (const char c : text)
    if (c != ' ' && c != '\n') without_spaces += c;
  EXPECT_EQ(joined, without_spaces);
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
  EXPECT_EQ(Vocabulary::of_words({"x", "y"}).number("y"), kNumSpecialWords + 1);
  EXPECT_INPUT_ERROR(Vocabulary::of_words({"x", "x"}), "'x' twice");
}

}  // namespace
}  // namespace lathe::data
