#include "lathe/data/ngram_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "lathe/core/seed.h"
#include "lathe/data/tokenize.h"
#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

constexpr int32_t kWords = 12;  // 4 special ones, 8 others

// Sentences in which a word tends to be followed by the next one.
std::vector<WordNumbers> random_text(uint64_t seed, int64_t num_sentences) {
  core::Random random(seed);
  std::vector<WordNumbers> text;
  for (int64_t i = 0; i < num_sentences; ++i) {
    WordNumbers sentence;
    int64_t word = random.below(8);
    for (int64_t length = 1 + random.below(9); length > 0; --length) {
      sentence.push_back(static_cast<int32_t>(kNumSpecialWords + word));
      word = random.uniform() < 0.7 ? (word + 1) % 8 : random.below(8);
    }
    text.push_back(std::move(sentence));
  }
  return text;
}

// The definition, word by word, from maps of all n-grams.
class BruteForce {
 public:
  BruteForce(const std::vector<WordNumbers>& text, size_t order) : order_(order) {
    for (const WordNumbers& sentence : text) {
      WordNumbers words(order - 1, static_cast<int32_t>(kBegin));
      words.insert(words.end(), sentence.begin(), sentence.end());
      words.push_back(static_cast<int32_t>(kEnd));
      for (size_t i = order - 1; i < words.size(); ++i)
        ++counts_[order][WordNumbers(words.begin() + static_cast<int64_t>(i + 1 - order),
                                     words.begin() + static_cast<int64_t>(i + 1))];
    }
    for (size_t n = order - 1; n >= 1; --n)
      for (const auto& [ngram, count] : counts_[n + 1])
        ++counts_[n][WordNumbers(ngram.begin() + 1, ngram.end())];
  }
  double probability(int32_t word, WordNumbers context) const {
    if (context.size() > order_ - 1)
      context.erase(context.begin(), context.end() - static_cast<int64_t>(order_ - 1));
    const auto& counts = counts_.at(context.size() + 1);
    double total = 0, different = 0, once = 0, twice = 0, here = 0;
    for (const auto& [ngram, count] : counts) {
      once += count == 1 ? 1 : 0;
      twice += count == 2 ? 1 : 0;
      if (!std::equal(context.begin(), context.end(), ngram.begin())) continue;
      total += count;
      ++different;
      if (ngram.back() == word) here = count;
    }
    const double discount = once == 0 || twice == 0 ? 0.5 : once / (once + 2 * twice);
    const bool possible = word != kPadding && word != kBegin;
    const double shorter = context.empty()
                               ? (possible ? 1.0 / (kWords - 2) : 0)
                               : probability(word, WordNumbers(context.begin() + 1, context.end()));
    if (total == 0) return shorter;
    return std::max(here - discount, 0.0) / total + discount * different / total * shorter;
  }

 private:
  size_t order_;
  std::map<size_t, std::map<WordNumbers, int64_t>> counts_;
};

TEST(NgramModel, IsKneserNeyAsDefined) {
  const auto text = random_text(1, 60);
  for (const int64_t order : {1, 2, 3, 4}) {
    const NgramModel model(text, kWords, {.order = order});
    const BruteForce oracle(text, static_cast<size_t>(order));
    core::Random random(2);
    for (int trial = 0; trial < 200; ++trial) {
      WordNumbers context;
      for (int64_t length = random.below(5); length > 0; --length)
        context.push_back(static_cast<int32_t>(kNumSpecialWords + random.below(8)));
      if (trial % 5 == 0) context = model.begin_context();
      const auto all = model.probabilities(context);
      for (int32_t word = 0; word < kWords; ++word) {
        EXPECT_NEAR(model.probability(word, context), oracle.probability(word, context), 1e-8);
        EXPECT_NEAR(all[static_cast<size_t>(word)], oracle.probability(word, context), 1e-6);
      }
    }
  }
}

TEST(NgramModel, ProbabilitiesSumToOne) {
  const NgramModel model(random_text(3, 500), 200);
  core::Random random(4);
  for (int trial = 0; trial < 100; ++trial) {
    WordNumbers context = model.begin_context();
    for (int64_t length = random.below(6); length > 0; --length)
      context.push_back(static_cast<int32_t>(kNumSpecialWords + random.below(20)));
    const auto all = model.probabilities(context);
    EXPECT_NEAR(std::accumulate(all.begin(), all.end(), 0.0), 1, 1e-5);
    EXPECT_EQ(all[kPadding] + all[kBegin], 0);
  }
}

TEST(NgramModel, LongerContextsPredictBetter) {
  const auto text = random_text(5, 2000), fresh = random_text(6, 200);
  const double one = NgramModel(text, kWords, {.order = 1}).perplexity(fresh);
  const double two = NgramModel(text, kWords, {.order = 2}).perplexity(fresh);
  const double four = NgramModel(text, kWords, {.order = 4}).perplexity(fresh);
  EXPECT_LT(two, 0.8 * one);
  EXPECT_LT(four, 1.05 * two);  // the text is a Markov chain: more context must not hurt
}

TEST(NgramModel, RefusesWhatItCannotHold) {
  const auto make = [](std::vector<WordNumbers> text, int64_t words, int64_t order = 4) {
    NgramModel(text, words, {.order = order});
  };
  EXPECT_INPUT_ERROR(make({{5}}, 10, 5), "order of an n-gram model is 1 to 4, got 5");
  EXPECT_INPUT_ERROR(make({{5}}, 70000), "5 to 65536 words, got 70000");
  EXPECT_INPUT_ERROR(make({}, 10), "needs a sentence");
  EXPECT_INPUT_ERROR(make({{10}}, 10), "has word 10");
  EXPECT_INPUT_ERROR(make({{static_cast<int32_t>(kBegin)}}, 10), "has word 2");
  EXPECT_INPUT_ERROR(NgramModel({{5}}, 10).probability(10, {}), "there is no word 10 among 10");
}

}  // namespace
}  // namespace lathe::data
