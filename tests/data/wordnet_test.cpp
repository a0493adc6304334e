#include "lathe/data/wordnet.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/data/fixtures.h"

namespace lathe::data {
namespace {

const std::string kNoun =
    "02084071 05 n 03 domestic_dog 0 dog 0 Canis_familiaris 0 001 @ 02083346 n 0000 | a tame wolf; any of "
    "its "
    "breeds; \"the dog barked all night\"; \"dogs bark\"  \n";

TEST(WordNet, ReadsASynset) {
  const auto glosses = parse_wordnet("  1 a licence | of \"words\"  \n" + kNoun, "data.noun");
  ASSERT_EQ(glosses.size(), 1u);
  EXPECT_EQ(glosses[0].word, "domestic dog");
  EXPECT_EQ(glosses[0].part_of_speech, PartOfSpeech::noun);
  EXPECT_EQ(glosses[0].lexicographer_file, 5);
  EXPECT_EQ(supersense_name(supersense(glosses[0])), "noun.animal");
  EXPECT_EQ(glosses[0].definition, "a tame wolf; any of its breeds");
  EXPECT_EQ(glosses[0].examples, (std::vector<std::string>{"the dog barked all night", "dogs bark"}));
}

// A quotation within the definition is no example; one at the very beginning is.
TEST(WordNet, TellsQuotationsFromExamples) {
  const auto read = [](const std::string& gloss) {
    return parse_wordnet("00000001 30 v 01 w 0 000 01 + 02 00 | " + gloss, "data.verb").at(0);
  };
  EXPECT_EQ(read("called \"the Sun King\" in France").definition, "called \"the Sun King\" in France");
  EXPECT_TRUE(read("called \"the Sun King\" in France").examples.empty());
  EXPECT_EQ(read("\"he wept\"").definition, "");
  EXPECT_EQ(read("\"he wept\"").examples, std::vector<std::string>{"he wept"});
  EXPECT_EQ(read("weep: \"he wept").examples, std::vector<std::string>{"he wept"});
  EXPECT_EQ(supersense_name(supersense(read("x"))), "verb.change");
}

TEST(WordNet, RefusesGarbage) {
  const auto parse = [](const std::string& text) { parse_wordnet(text, "data.noun"); };
  EXPECT_INPUT_ERROR(parse(""), "data.noun: there is no synset");
  EXPECT_INPUT_ERROR(parse(kNoun + "rubbish\n"), "data.noun:2: there is no gloss");
  EXPECT_INPUT_ERROR(parse("0208407x 05 n 01 dog 0 000 | a"), "data.noun:1: synset offset must be");
  EXPECT_INPUT_ERROR(parse("02084071 05 a 01 dog 0 000 | a"), "synset type must be n or v, got 'a'");
  EXPECT_INPUT_ERROR(parse("02084071 30 n 01 dog 0 000 | a"), "of a noun must be 3 to 28, got 30");
  EXPECT_INPUT_ERROR(parse("02084071 05 v 01 dog 0 000 | a"), "of a verb must be 29 to 43, got 5");
  EXPECT_INPUT_ERROR(parse("02084071 05 n 00 dog 0 000 | a"), "a synset has a word");
  EXPECT_INPUT_ERROR(parse("02084071 05 n 01 | a"), "there is no word");
  EXPECT_INPUT_ERROR(parse("02084071 -5 n 01 dog 0 | a"), "lexicographer file must be");
  EXPECT_INPUT_ERROR(supersense_name(41), "0 to 40");
  EXPECT_INPUT_ERROR(read_wordnet("/nowhere"), "apt install wordnet-base");
}

TEST(WordNet, ReadsAllOfThePackage) {
  std::vector<Gloss> glosses;
  try {
    glosses = read_wordnet();
  } catch (const InputError& error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(glosses.size(), 82115u + 13767u);  // wnstats(7WN)
  std::set<int64_t> senses;
  size_t examples = 0, empty = 0;
  for (const Gloss& gloss : glosses) {
    senses.insert(supersense(gloss));
    examples += gloss.examples.size();
    empty += gloss.definition.empty() ? 1 : 0;
  }
  EXPECT_EQ(senses.size(), static_cast<size_t>(kNumSupersenses));
  EXPECT_GT(examples, 20000u);
  EXPECT_LT(empty, 200u);
  EXPECT_EQ(glosses[0].word, "entity");
  EXPECT_EQ(glosses[0].definition,
            "that which is perceived or known or inferred to have its own distinct existence (living or "
            "nonliving)");
}

}  // namespace
}  // namespace lathe::data
