#include "lathe/data/language_family.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

using core::Seed;

// Words of letters without a suffix that the languages know.
std::vector<std::string> many_words(size_t count) {
  core::Random random(5);
  std::set<std::string> words;
  while (words.size() < count) {
    std::string word;
    for (int i = 0; i < 6; ++i) word += "bcfgkmnoptuvaei"[random.below(15)];
    words.insert(word);
  }
  return {words.begin(), words.end()};
}

TEST(LanguageFamily, NothingChangesWithoutChanges) {
  const Sentence sentence = {"the", "dogs", "of", "wars", "(", "1939", ")", "walked"};
  for (const Language& language :
       language_family({.replaced = 0, .shifted = 0, .suffixes = 0, .reorders = 0}, Seed(1)))
    EXPECT_EQ(language.sentence(sentence), sentence);
}

TEST(LanguageFamily, IsATree) {
  const auto family = language_family({}, Seed(1));
  ASSERT_EQ(family.size(), 8u);
  EXPECT_EQ(family[5].name(), "101");
  for (size_t i = 0; i < 8; ++i)
    for (size_t j = 0; j < 8; ++j) {
      int64_t expected = 0;
      for (size_t a = i, b = j; a != b; a /= 2, b /= 2) expected += 2;
      EXPECT_EQ(tree_distance(family[i], family[j]), expected);
    }
}

// A branch replaces a share r: two leaves keep (1 − r)^d of the words as cognates, d branches apart. With
// branches that differ in r, by the product over them.
TEST(LanguageFamily, DistanceIsWhatTheBranchesReplaced) {
  const auto words = many_words(8000);
  const auto family = language_family({.depth = 3, .replaced = 0.2}, Seed(2));
  for (size_t i = 0; i < family.size(); ++i)
    for (size_t j = 0; j < family.size(); ++j) {
      double kept = 1;
      for (const Language* one : {&family[i], &family[j]})
        for (const auto& branch : one->branches()) {
          const auto& others = (one == &family[i] ? family[j] : family[i]).branches();
          if (std::find(others.begin(), others.end(), branch) == others.end()) kept *= 1 - branch->replaced;
        }
      EXPECT_NEAR(non_cognates(family[i], family[j], words), 1 - kept, 0.02);
      EXPECT_EQ(non_cognates(family[i], family[j], words), non_cognates(family[j], family[i], words));
    }
  EXPECT_EQ(non_cognates(family[0], family[1], {"12", ","}), 0);
}

// Without shifts and suffixes, cognates are spelt alike, and words that are no cognates almost never are.
TEST(LanguageFamily, CognatesAreSpeltAlikeWithoutShifts) {
  const auto words = many_words(2000);
  const auto family = language_family({.replaced = 0.3, .shifted = 0, .suffixes = 0}, Seed(3));
  int64_t alike = 0;
  for (const std::string& word : words) alike += family[1].word(word) == family[6].word(word) ? 1 : 0;
  EXPECT_NEAR(1 - static_cast<double>(alike) / 2000, non_cognates(family[1], family[6], words), 0.003);
}

TEST(LanguageFamily, AShiftIsRegular) {
  const auto family = language_family({.depth = 1, .replaced = 0, .shifted = 0.6, .suffixes = 0}, Seed(4));
  const LanguageBranch& branch = *family[0].branches().front();
  const std::string consonants = "bcdfghjklmnpqrstvwxz";
  std::set<char> from, to;
  for (const auto& [a, b] : branch.letters) {
    from.insert(a);
    to.insert(b);
    EXPECT_NE(a, b);
    EXPECT_EQ(consonants.find(a) == consonants.npos, consonants.find(b) == consonants.npos);
  }
  EXPECT_EQ(from, to);
  int64_t changed = 0;
  for (const std::string& word : many_words(1000)) {
    const std::string there = family[0].word(word);
    if (there == word) continue;
    ++changed;
    for (size_t i = 0; i < word.size(); ++i) {
      const auto shift = branch.letters.find(word[i]);
      EXPECT_EQ(there[i], shift == branch.letters.end() ? word[i] : shift->second);
    }
  }
  EXPECT_GT(changed, 200);
}

TEST(LanguageFamily, PostpositionsEndTheirPhrase) {
  const auto family =
      language_family({.depth = 1, .replaced = 0, .shifted = 0, .suffixes = 0, .reorders = 1}, Seed(5));
  ASSERT_TRUE(family[0].postpositions());
  EXPECT_EQ(family[0].sentence({"top", "of", "the", "house", "in", "town", ",", "near", "by"}),
            (Sentence{"top", "the", "house", "of", "town", "in", ",", "near", "by"}));
  EXPECT_EQ(family[0].sentence({"cut", "with", "or", "without", "knives"}),
            (Sentence{"cut", "with", "or", "knives", "without"}));
}

TEST(LanguageFamily, SuffixesAreRenewedAlike) {
  const auto family =
      language_family({.depth = 1, .replaced = 0, .shifted = 0, .suffixes = 1, .reorders = 0}, Seed(6));
  const std::string dogs = family[0].word("dogs"), cats = family[0].word("cats");
  EXPECT_EQ(dogs.substr(0, 3), "dog");
  EXPECT_EQ(dogs.substr(3), cats.substr(3));
  EXPECT_NE(dogs, "dogs");
  EXPECT_EQ(family[0].word("grass"), "grass");
  EXPECT_EQ(family[0].word("is"), "is");
}

TEST(LanguageFamily, IsAFunctionOfTheSeed) {
  const auto words = many_words(300);
  const auto a = language_family({}, Seed(7)), b = language_family({}, Seed(7)),
             c = language_family({}, Seed(8));
  int64_t different = 0;
  for (const std::string& word : words) {
    EXPECT_EQ(a[3].word(word), b[3].word(word));
    different += a[3].word(word) != c[3].word(word) ? 1 : 0;
  }
  EXPECT_GT(different, 100);
}

TEST(LanguageFamily, SizesGoFromLeastToMost) {
  auto sizes = corpus_sizes(5, 10, 160, Seed(1));
  std::sort(sizes.begin(), sizes.end());
  EXPECT_EQ(sizes, (std::vector<int64_t>{10, 20, 40, 80, 160}));
}

TEST(LanguageFamily, RefusesWhatCannotBe) {
  EXPECT_INPUT_ERROR(language_family({.depth = 0}, Seed(1)), "must be 1 to 8, got 0");
  EXPECT_INPUT_ERROR(language_family({.suffixes = 1.5}, Seed(1)), "must be in [0, 1], got 1.5");
  EXPECT_INPUT_ERROR(language_family({.replaced = 0.5, .shifted = 0.5}, Seed(1)), "at most 2/3");
  EXPECT_INPUT_ERROR(corpus_sizes(1, 1, 2, Seed(1)), "not possible");
  EXPECT_INPUT_ERROR(Language({}), "one branch or more");
}

}  // namespace
}  // namespace lathe::data
