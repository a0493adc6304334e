#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "lathe/data/text.h"
#include "lathe/data/wordnet_graph.h"
#include "lathe/evaluate/checklist/builtin_lexicons.h"

namespace lathe::evaluate::checklist {
namespace {

std::vector<std::string> words(const std::string& name) {
  const Lexicon lexicon = builtin_lexicon(name).value();
  std::vector<std::string> result;
  for (const auto& entry : lexicon) result.push_back(entry.get<std::string>());
  return result;
}

TEST(BuiltinLexicons, HaveNoDuplicatesAndAreText) {
  const auto names = builtin_lexicon_names();
  EXPECT_GE(names.size(), 60u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const std::string& name : names) {
    const Lexicon lexicon = builtin_lexicon(name).value();
    std::set<std::string> seen;
    EXPECT_GE(lexicon.size(), 3u) << name;
    for (const auto& entry : lexicon) {
      EXPECT_TRUE(seen.insert(entry.dump()).second) << name << " " << entry;
      for (const auto& [key, text] : entry.items())
        EXPECT_TRUE(text.is_string() && data::is_utf8(text.get<std::string>()));
    }
  }
  EXPECT_EQ(builtin_lexicon("no_such_list"), std::nullopt);
}

TEST(BuiltinLexicons, HaveTheSizesThatTestsNeed) {
  for (const char* name : {"male", "female", "last_name", "city"})
    EXPECT_EQ(words(name).size(), 100u) << name;
  EXPECT_EQ(words("country").size(), 50u);
  EXPECT_EQ(words("nationality").size(), 50u);
  EXPECT_GE(words("pos_adj").size(), 30u);
  EXPECT_GE(words("neg_adj").size(), 30u);
  EXPECT_GE(words("neutral_adj").size(), 15u);
  EXPECT_EQ(words("pos_verb_past").size(), words("pos_verb").size());
  EXPECT_EQ(words("neutral_verb_past")[0], "saw");
}

TEST(BuiltinLexicons, OfPeopleAreDisjoint) {
  std::set<std::string> all;
  size_t sum = 0;
  for (const char* name : {"male", "female", "last_name"})
    for (const std::string& word : words(name)) {
      all.insert(word);
      ++sum;
    }
  EXPECT_EQ(all.size(), sum);
  const auto positive = words("pos_adj");
  for (const std::string& word : words("neg_adj"))
    EXPECT_EQ(std::count(positive.begin(), positive.end(), word), 0) << word;
}

// WordNet agrees that they are what they are called.
TEST(BuiltinLexicons, AreOfTheirClass) {
  const data::WordNet& wordnet = data::installed_wordnet();
  const std::pair<const char*, const char*> classes[] = {
      {"animal", "animal"}, {"vehicle", "conveyance"}, {"profession", "person"}};
  for (const auto& [lexicon, expected] : classes)
    for (const std::string& word : words(lexicon)) {
      const auto above = data::hypernyms(wordnet, {.word = word, .part_of_speech = data::PartOfSpeech::noun});
      EXPECT_EQ(std::count(above.begin(), above.end(), expected), 1) << word;
    }
}

TEST(BuiltinLexicons, SpeakOtherLanguages) {
  EXPECT_EQ(words("country_de").at(0), "China");
  EXPECT_EQ(words("country_fr").at(0), "Chine");
  EXPECT_EQ(words("language_es").at(0), "Inglés");
  EXPECT_GE(words("country_sr_latin").size(), 40u);
  EXPECT_EQ(builtin_lexicon("country_xx"), std::nullopt);
  EXPECT_EQ(builtin_lexicon("country_../../etc"), std::nullopt);
  int64_t countries = 0, languages = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/share/locale")) {
    const std::string locale = entry.path().filename().string();
    const auto country = builtin_lexicon("country_" + locale),
               language = builtin_lexicon("language_" + locale);
    countries += country && !country->empty() ? 1 : 0;
    languages += language && !language->empty() ? 1 : 0;
  }
  EXPECT_GT(countries, 100);
  EXPECT_GT(languages, 80);
}

TEST(BuiltinLexicons, OpenClassesComeFromWordNet) {
  const auto dogs = words("below_dog");
  EXPECT_EQ(std::count(dogs.begin(), dogs.end(), "poodle"), 1);
  EXPECT_EQ(builtin_lexicon("below_qwerty"), std::nullopt);
  const Lexicon pairs = *builtin_lexicon("antonym_adj");
  EXPECT_GE(pairs.size(), 100u);
  for (const auto& pair : pairs) {
    const auto antonyms = data::antonyms(data::installed_wordnet(), {.word = pair[0].get<std::string>()});
    EXPECT_EQ(std::count(antonyms.begin(), antonyms.end(), pair[1].get<std::string>()), 1) << pair;
  }
}

}  // namespace
}  // namespace lathe::evaluate::checklist
