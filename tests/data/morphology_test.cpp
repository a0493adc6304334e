#include "lathe/data/morphology.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lathe::data {
namespace {

const WordNet& wordnet() {
  return installed_wordnet();
}

TEST(Morphology, InflectsVerbs) {
  const std::vector<std::vector<std::string>> verbs = {
      {"go", "goes", "went", "gone", "going"},
      {"like", "likes", "liked", "liked", "liking"},
      {"study", "studies", "studied", "studied", "studying"},
      {"play", "plays", "played", "played", "playing"},
      {"stop", "stops", "stopped", "stopped", "stopping"},
      {"visit", "visits", "visited", "visited", "visiting"},
      {"take", "takes", "took", "taken", "taking"},
      {"undertake", "undertakes", "undertook", "undertaken", "undertaking"},
      {"sing", "sings", "sang", "sung", "singing"},
      {"run", "runs", "ran", "run", "running"},
      {"put", "puts", "put", "put", "putting"},
      {"have", "has", "had", "had", "having"},
      {"do", "does", "did", "done", "doing"},
      {"show", "shows", "showed", "shown", "showing"},
      {"win", "wins", "won", "won", "winning"},
      {"beat", "beats", "beat", "beaten", "beating"},
      {"lie", "lies", "lay", "lain", "lying"},
      {"die", "dies", "died", "died", "dying"},
      {"agree", "agrees", "agreed", "agreed", "agreeing"},
      {"watch", "watches", "watched", "watched", "watching"},
      {"learn", "learns", "learned", "learned", "learning"},
      {"mean", "means", "meant", "meant", "meaning"},
      {"begin", "begins", "began", "begun", "beginning"},
      {"blog", "blogs", "blogged", "blogged", "blogging"},
      {"send", "sends", "sent", "sent", "sending"},
      {"know", "knows", "knew", "known", "knowing"}};
  for (const auto& forms : verbs)
    for (size_t form = 0; form < forms.size(); ++form)
      EXPECT_EQ(inflect(wordnet(), forms[0], static_cast<VerbForm>(form)), forms[form]);
}

TEST(Morphology, ReadsItsOwnForms) {
  for (const char* verb : {"go", "find", "carry", "put", "see", "admit", "lose", "write"})
    for (const VerbForm form :
         {VerbForm::base, VerbForm::third_person, VerbForm::past, VerbForm::participle, VerbForm::gerund}) {
      const auto readings = verb_readings(wordnet(), inflect(wordnet(), verb, form));
      EXPECT_TRUE(std::any_of(readings.begin(), readings.end(),
                              [&](const VerbReading& r) { return r.lemma == verb && r.form == form; }))
          << verb << static_cast<int>(form);
    }
  std::vector<std::string> found;
  for (const VerbReading& reading : verb_readings(wordnet(), "found"))
    found.push_back(reading.lemma + std::to_string(static_cast<int>(reading.form)));
  EXPECT_EQ(found, (std::vector<std::string>{"found0", "find2", "find3"}));
  EXPECT_TRUE(verb_readings(wordnet(), "table-tennis").empty());
}

TEST(Morphology, FormsPlurals) {
  const std::vector<std::pair<const char*, const char*>> plurals = {
      {"dog", "dogs"},      {"box", "boxes"},           {"city", "cities"},      {"day", "days"},
      {"man", "men"},       {"policeman", "policemen"}, {"human", "humans"},     {"child", "children"},
      {"goose", "geese"},   {"wolf", "wolves"},         {"knife", "knives"},     {"person", "people"},
      {"sheep", "sheep"},   {"bus", "buses"},           {"potato", "potatoes"},  {"photo", "photos"},
      {"crisis", "crises"}, {"church", "churches"},     {"brother", "brothers"}, {"roof", "roofs"}};
  for (const auto& [noun, expected] : plurals) EXPECT_EQ(plural(wordnet(), noun), expected);
}

TEST(Morphology, FindsLemmas) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(lemmas(wordnet(), "geese", PartOfSpeech::noun), Words{"goose"});
  EXPECT_EQ(lemmas(wordnet(), "dogs", PartOfSpeech::noun), Words{"dog"});
  EXPECT_EQ(lemmas(wordnet(), "happier", PartOfSpeech::adjective), Words{"happy"});
  EXPECT_EQ(lemmas(wordnet(), "colder", PartOfSpeech::adjective), Words{"cold"});
  EXPECT_EQ(lemmas(wordnet(), "went", PartOfSpeech::verb), Words{"go"});
  EXPECT_EQ(lemmas(wordnet(), "quickly", PartOfSpeech::adverb), Words{"quickly"});
  EXPECT_EQ(lemmas(wordnet(), "qwertys", PartOfSpeech::noun), Words{});
}

}  // namespace
}  // namespace lathe::data
