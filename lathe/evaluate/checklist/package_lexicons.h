#pragma once
#include <optional>
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/builtin_lexicons.h"

// Lexicons made from Debian's packages. All throw InputError that names the package where it is missing.
namespace lathe::evaluate::checklist {

Lexicon given_names();       // miscfiles: about 1,500, of many countries, unsorted by gender
Lexicon time_zone_cities();  // tzdata: about 300
Lexicon all_countries();     // iso-codes: all 249 of ISO 3166-1
// The fifty countries of "country" (or the languages of "language"), in its order, as a locale of iso-codes
// calls them ("fr", "pt_BR", "sr_latin" for sr@latin), without those it does not translate. Nothing: no such
// locale.
std::optional<Lexicon> countries_in(const std::string& locale);
std::optional<Lexicon> languages_in(const std::string& locale);
Lexicon languages();  // iso-codes' names of the forty with most speakers

// wordnet-base: pairs of adjectives with opposite meaning, ["hot", "cold"], the most frequent first.
Lexicon antonym_adjectives();
// Single words for kinds of a noun, to depth 3 ("animal": mammal, bird, …). Nothing: WordNet has no such
// noun.
std::optional<Lexicon> words_below(const std::string& noun);

}  // namespace lathe::evaluate::checklist
