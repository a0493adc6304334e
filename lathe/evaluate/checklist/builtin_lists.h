#pragma once
#include <string>
#include <string_view>
#include <vector>

// The lists of our own behind the built-in lexicons.
namespace lathe::evaluate::checklist {

// Words parted by white space, those of several words with "_" in between, which is taken out.
std::vector<std::string> split_words(std::string_view text);

// A hundred each, the most common first. No name is in two of them.
const std::vector<std::string>& male_names();
const std::vector<std::string>& female_names();
const std::vector<std::string>& last_names();

struct Country {
  std::string code, name, nationality;  // ISO 3166-1 alpha-2, "France", "French"
};
const std::vector<Country>& countries();  // fifty

struct City {
  std::string name, country;
};
const std::vector<City>& cities();            // the hundred with most people, urban areas
const std::vector<std::string>& us_cities();  // the fifty with most people

struct WordList {
  const char* name;
  const char* words;  // for split_words()
};
const std::vector<WordList>& word_lists();  // sentiment, fairness, jobs, things, …

// Verbs of sentiment: "like", "hate", …; the lexicons pos_verb_past, … are their forms.
const std::vector<WordList>& verb_lists();

}  // namespace lathe::evaluate::checklist
