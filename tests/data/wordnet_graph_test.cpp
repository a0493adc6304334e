#include "lathe/data/wordnet_graph.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

// animal > dog (domestic_dog) > corgi, puppy; hot ! cold, torrid & hot; wet and wetness differ by word
// numbers.
const std::string kNoun =
    "  1 the licence\n"
    "00000100 03 n 01 animal 0 001 ~ 00000200 n 0000 | a living thing\n"
    "00000200 05 n 02 dog 0 domestic_dog 0 002 @ 00000100 n 0000 ~ 00000300 n 0000 | a tame wolf; \"dogs "
    "bark\"\n"
    "00000300 05 n 02 corgi 0 Welsh_corgi 0 001 @ 00000200 n 0000 | a small dog\n"
    "00000400 15 n 01 hot_spot 0 000 | a place\n";
const std::string kAdjective =
    "00000100 00 a 02 hot 0 warm 1 002 ! 00000200 a 0101 & 00000300 a 0000 | of high temperature\n"
    "00000200 00 a 02 cold 0 cool(p) 0 001 ! 00000100 a 0101 | of low temperature\n"
    "00000300 00 s 01 torrid 0 001 & 00000100 a 0000 | very hot\n";

WordNet small() {
  return WordNet({kNoun, "", kAdjective, "", "went go\nbound bind\naxes ax axis\n", "dice die\n", "",
                  "dog%1:05:00:: 1 40\ndog%1:05:01:: 2 2\nhot%3:00:00:: 1 7\n"});
}

using Words = std::vector<std::string>;

TEST(WordNetGraph, FollowsPointers) {
  const WordNet wordnet = small();
  ASSERT_EQ(wordnet.synsets().size(), 7u);
  EXPECT_EQ(wordnet.senses("Domestic dog"), std::vector<int32_t>{1});
  EXPECT_TRUE(wordnet.senses("cat").empty());
  EXPECT_EQ(wordnet.synsets()[1].gloss, "a tame wolf; \"dogs bark\"");
  EXPECT_EQ(wordnet.synsets()[5].words[1], "cool");  // its marker is no part of it
  EXPECT_EQ(hypernyms(wordnet, {.word = "corgi"}), (Words{"dog", "animal"}));
  EXPECT_EQ(hyponyms(wordnet, {.word = "animal"}), (Words{"dog", "corgi"}));
  EXPECT_EQ(hyponyms(wordnet, {.word = "animal", .multiword = true}),
            (Words{"dog", "domestic_dog", "corgi", "Welsh_corgi"}));
  EXPECT_EQ(hyponyms(wordnet, {.word = "animal", .part_of_speech = PartOfSpeech::verb}), Words{});
  EXPECT_EQ(synonyms(wordnet, {.word = "hot"}), Words{"warm"});
  EXPECT_EQ(words_below(wordnet, 0, 1), (Words{"animal", "dog"}));
}

// The pointer from hot to cold is one of words, not of synsets; torrid has its head's.
TEST(WordNetGraph, AntonymsAreOfWords) {
  const WordNet wordnet = small();
  EXPECT_EQ(antonyms(wordnet, {.word = "hot"}), Words{"cold"});
  EXPECT_EQ(antonyms(wordnet, {.word = "warm"}), Words{});
  EXPECT_EQ(antonyms(wordnet, {.word = "torrid"}), Words{"cold"});
}

TEST(WordNetGraph, KnowsIrregularFormsAndFrequencies) {
  const WordNet wordnet = small();
  EXPECT_EQ(wordnet.irregular_lemmas("axes", PartOfSpeech::verb), (Words{"ax", "axis"}));
  EXPECT_EQ(wordnet.irregular_forms("go", PartOfSpeech::verb), Words{"went"});
  EXPECT_EQ(wordnet.irregular_forms("go", PartOfSpeech::noun), Words{});
  EXPECT_EQ(wordnet.frequency("Dog", PartOfSpeech::noun), 42);
  EXPECT_EQ(wordnet.frequency("dog", PartOfSpeech::verb), 0);
}

TEST(WordNetGraph, RefusesGarbage) {
  const auto noun = [](const std::string& text) { WordNet({text}); };
  EXPECT_INPUT_ERROR(noun(""), "there is no synset");
  EXPECT_INPUT_ERROR(noun("rubbish\n"), "data.noun:1: there is no gloss");
  EXPECT_INPUT_ERROR(noun("00000100 03 v 01 go 0 000 | a"), "data.noun:1: there is a synset of type 'v'");
  EXPECT_INPUT_ERROR(noun("00000100 03 q 01 go 0 000 | a"), "n, v, a, s or r, got 'q'");
  EXPECT_INPUT_ERROR(noun("00000100 03 n 02 go 0 000 | a"), "word's sense");
  EXPECT_INPUT_ERROR(noun("00000100 03 n 01 go 0 001 | a"), "there is no pointer symbol");
  EXPECT_INPUT_ERROR(noun("00000100 03 n 01 go 0 001 @ 00000200 n 0000 | a"), "where no synset begins");
  EXPECT_INPUT_ERROR(noun("00000100 03 n 01 go 0 001 ! 00000100 n 0201 | a"), "comes from word 2");
  EXPECT_INPUT_ERROR(noun("00000100 03 n 01 go 0 001 ! 00000100 n 0102 | a"), "points at word 2");
  EXPECT_INPUT_ERROR(noun(kNoun + kNoun), "data.noun:7: the offset 100 does not follow");
  EXPECT_INPUT_ERROR(noun("00000100 03 n 01 go 0 99999 @ | a"), "at most 9999 pointers");
  EXPECT_INPUT_ERROR(WordNet({kNoun, "", "", "", "went\n"}), "verb.exc:1: there is no lemma");
  EXPECT_INPUT_ERROR(WordNet({kNoun, "", "", "", "", "", "", "dog 1 2\n"}), "cntlist.rev:1: a sense is like");
  EXPECT_INPUT_ERROR(read_wordnet_graph("/nowhere"), "apt install wordnet-base");
}

const WordNet& installed() {
  return installed_wordnet();
}

// wnstats(7WN)
TEST(WordNetGraph, ReadsAllOfThePackage) {
  int64_t counts[4] = {};
  for (const Synset& synset : installed().synsets()) ++counts[static_cast<size_t>(synset.part_of_speech)];
  EXPECT_EQ(counts[0], 82115);
  EXPECT_EQ(counts[1], 13767);
  EXPECT_EQ(counts[2], 18156);
  EXPECT_EQ(counts[3], 3621);
}

TEST(WordNetGraph, FindsWhatItIsKnownFor) {
  const auto has = [](const Words& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  const WordNet& wordnet = installed();
  EXPECT_TRUE(has(synonyms(wordnet, {.word = "car"}), "automobile"));
  EXPECT_TRUE(has(antonyms(wordnet, {.word = "happy"}), "unhappy"));
  EXPECT_TRUE(has(hypernyms(wordnet, {.word = "dog"}), "animal"));
  EXPECT_TRUE(has(hyponyms(wordnet, {.word = "dog"}), "poodle"));
  EXPECT_FALSE(has(hyponyms(wordnet, {.word = "entity"}), "poodle"));  // far below depth 3
  // Every "!" between adjectives leads back.
  for (const char* word : {"hot", "good", "large", "alive", "wet"})
    for (const std::string& other :
         antonyms(wordnet, {.word = word, .part_of_speech = PartOfSpeech::adjective})) {
      const Words back = antonyms(wordnet, {.word = other, .part_of_speech = PartOfSpeech::adjective});
      EXPECT_TRUE(has(back, word) || !back.empty()) << word << " " << other;
    }
}

}  // namespace
}  // namespace lathe::data
