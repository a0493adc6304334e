#include "lathe/evaluate/bleu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "lathe/core/error.h"

namespace lathe::evaluate {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

// §2.1 of the paper: "the" seven times against a reference that has it twice counts two.
TEST(Bleu, ClipsRepeatedWords) {
  const BleuCounts counts = bleu_counts(words("the the the the the the the"), words("the cat is on the mat"));
  EXPECT_EQ(counts.matches[0], 2);
  EXPECT_EQ(counts.totals[0], 7);
  EXPECT_EQ(counts.matches[1], 0);
  EXPECT_EQ(bleu(counts), 0);
}

TEST(Bleu, IsOneForTheReference) {
  EXPECT_DOUBLE_EQ(bleu({words("a b c d e"), words("x")}, {words("a b c d e"), words("x")}), 1);
}

// By hand: unigrams 5/6, bigrams 3/5, trigrams 2/4, 4-grams 1/3; equal lengths.
TEST(Bleu, IsTheGeometricMeanOfThePrecisions) {
  const BleuCounts counts = bleu_counts(words("the cat sat on a mat"), words("the cat sat on the mat"));
  EXPECT_EQ(counts.matches, (std::array<double, 4>{5, 3, 2, 1}));
  EXPECT_EQ(counts.totals, (std::array<double, 4>{6, 5, 4, 3}));
  EXPECT_NEAR(bleu(counts), std::pow(5.0 / 6 * 3 / 5 * 2 / 4 * 1 / 3, 0.25), 1e-15);
  EXPECT_NEAR(bleu(counts), 0.537285, 1e-6);
}

TEST(Bleu, PunishesBrevityOnly) {
  EXPECT_NEAR(bleu({words("a b c d")}, {words("a b c d e f")}), std::exp(1 - 6.0 / 4), 1e-15);
  EXPECT_NEAR(bleu({words("a b c d e f")}, {words("a b c d")}),
              std::pow(4.0 / 6 * 3 / 5 * 2 / 4 * 1 / 3, 0.25), 1e-15);
}

// Counts are added up over the corpus before anything is divided: 8/9, 6/7, 4/5, 2/3, not a mean of
// sentences.
TEST(Bleu, IsOfTheCorpus) {
  EXPECT_NEAR(bleu({words("a b c d"), words("e f g h z")}, {words("a b c d"), words("e f g h i")}),
              std::pow(8.0 / 9 * 6 / 7 * 4 / 5 * 2 / 3, 0.25), 1e-15);
  BleuCounts weighted;
  weighted.add(bleu_counts(words("a b c d"), words("a b c d")), 2);
  weighted.add(bleu_counts(words("q"), words("q r s t")), 0);
  EXPECT_EQ(weighted.length, 8);
  EXPECT_DOUBLE_EQ(bleu(weighted), 1);
}

TEST(Bleu, EmptyTranslationsGiveZero) {
  EXPECT_EQ(bleu({words("")}, {words("a b c d")}), 0);
  EXPECT_EQ(bleu({}, {}), 0);
  EXPECT_THROW(bleu({words("a")}, {}), InputError);
}

}  // namespace
}  // namespace lathe::evaluate
