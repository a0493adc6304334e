#include "lathe/data/byte_pair.h"

#include <map>

#include "lathe/data/tokenize.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using namespace testing;

constexpr int64_t kBytes = kNumSpecialWords + 256;

int64_t byte(char c) {
  return kNumSpecialWords + static_cast<unsigned char>(c);
}

// The example of Sennrich et al. 2016, algorithm 1, without its end-of-word sign: es (9 times), then st or
// est, …
TEST(BytePairs, LearnsThePaperExample) {
  std::vector<std::string> texts;
  for (const auto& [word, count] :
       std::vector<std::pair<std::string, int>>{{"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}})
    for (int i = 0; i < count; ++i) texts.push_back(word);
  const BytePairs pairs(texts, 256 + 4);
  EXPECT_EQ(pairs.token(kBytes), "es");
  EXPECT_EQ(pairs.token(kBytes + 1), "est");
  EXPECT_EQ(pairs.token(kBytes + 2), "lo");
  EXPECT_EQ(pairs.token(kBytes + 3), "low");
  EXPECT_EQ(pairs.encode("lowest"), (std::vector<int64_t>{kBytes + 3, kBytes + 1}));
}

// Brute force: all pairs counted anew before each merge.
TEST(BytePairs, AgreesWithCountingAnew) {
  core::Random random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> texts;
    for (int i = 0; i < 30; ++i) {
      std::string& word = texts.emplace_back();
      for (int64_t n = 1 + random.below(8); n > 0; --n) word += static_cast<char>('a' + random.below(3));
    }
    std::vector<std::vector<int64_t>> tokens;
    for (const std::string& text : texts) {
      tokens.emplace_back();
      for (const char c : text) tokens.back().push_back(byte(c));
    }
    std::vector<BytePairs::Merge> merges;
    while (merges.size() < 12) {
      std::map<BytePairs::Merge, int64_t> counts;
      for (const auto& word : tokens)
        for (size_t j = 0; j + 1 < word.size(); ++j) ++counts[{word[j], word[j + 1]}];
      std::pair<int64_t, BytePairs::Merge> best{1, {}};
      for (const auto& [pair, count] : counts)
        if (count > best.first) best = {count, pair};
      if (best.first == 1) break;
      for (auto& word : tokens) {
        std::vector<int64_t> merged;
        for (size_t j = 0; j < word.size(); ++j) {
          const bool here = j + 1 < word.size() && BytePairs::Merge{word[j], word[j + 1]} == best.second;
          merged.push_back(here ? kBytes + static_cast<int64_t>(merges.size()) : word[j]);
          if (here) ++j;
        }
        word = merged;
      }
      merges.push_back(best.second);
    }
    const BytePairs pairs(texts, 256 + 12);
    EXPECT_EQ(pairs.merges(), merges);
    for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(pairs.encode(texts[i]), tokens[i]);
  }
}

TEST(BytePairs, EveryTextComesBack) {
  const std::vector<std::string> texts = {"  Two  spaces\tand\ttabs\r\n",
                                          "naïve 👩‍👩‍👧 我喜欢 नमस्ते",
                                          std::string("\0\xff\xfe", 3),
                                          std::string(1000, 'a'),
                                          "",
                                          " "};
  const BytePairs pairs({texts[0], texts[0], texts[1], texts[1], texts[3]}, 400);
  EXPECT_GT(pairs.size(), kBytes);
  const BytePairs again(pairs.merges());
  for (const std::string& text : texts) {
    EXPECT_EQ(pairs.decode(pairs.encode(text)), text);
    EXPECT_EQ(again.encode(text), pairs.encode(text));
  }
  EXPECT_LT(pairs.encode(texts[3]).size(), 100u);
}

TEST(BytePairs, RefusesWhatItNeverLearnt) {
  using Merges = std::vector<BytePairs::Merge>;
  const auto read = [](const Merges& merges) { return BytePairs(merges).size(); };
  EXPECT_INPUT_ERROR(BytePairs(std::vector<std::string>{"a"}, 255), "at least 256 tokens");
  EXPECT_INPUT_ERROR(read(Merges{{kBytes, byte('a')}}), "merge 0 of byte pairs names a token");
  EXPECT_INPUT_ERROR(read(Merges{{-1, byte('a')}}), "names a token that is not there");
  EXPECT_INPUT_ERROR(read(Merges{{kPadding, byte('a')}}), "names a token that is not there");
  EXPECT_INPUT_ERROR(read(Merges{{byte('a'), byte('a')}, {byte('a'), byte('a')}}),
                     "merge 1 of byte pairs is there twice");
  Merges doubling = {{byte('a'), byte('a')}};
  for (int64_t i = 0; i < 60; ++i) doubling.push_back({kBytes + i, kBytes + i});
  EXPECT_INPUT_ERROR(read(doubling), "longer than 64 bytes");
  EXPECT_THROW(BytePairs(Merges{}).token(kBytes), Error);
  EXPECT_THROW(BytePairs(Merges{}).decode({-1}), Error);
}

}  // namespace
}  // namespace lathe::data
