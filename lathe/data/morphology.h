#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lathe/data/wordnet_graph.h"

// English forms of words: WordNet's lists of irregular forms, and the regular rules where a word is in none.
namespace lathe::data {

// go, goes, went, gone, going
enum class VerbForm { base, third_person, past, participle, gerund };

struct VerbReading {
  std::string lemma;
  VerbForm form = VerbForm::base;
};

// The words of WordNet that `word` (in lower case) can be a form of, itself first where it is one: irregular
// forms, else the suffix rules of morphy(7WN).
std::vector<std::string> lemmas(const WordNet& wordnet, std::string_view word, PartOfSpeech part_of_speech);

// What forms of which verbs a word (in lower case) can be: "put" is base, past and participle of "put";
// "found" is the base of "found", past and participle of "find".
std::vector<VerbReading> verb_readings(const WordNet& wordnet, std::string_view word);

// A form of a verb. Where a verb has several, the one that ends in -ed, else the first of WordNet's list.
std::string inflect(const WordNet& wordnet, std::string_view lemma, VerbForm form);

std::string plural(const WordNet& wordnet, std::string_view noun);  // "geese", "boxes", "cities"

bool is_vowel(char c);  // a, e, i, o, u

}  // namespace lathe::data
