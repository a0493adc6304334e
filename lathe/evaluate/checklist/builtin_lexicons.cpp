#include "lathe/evaluate/checklist/builtin_lexicons.h"

#include <functional>
#include <map>

#include "lathe/data/morphology.h"
#include "lathe/evaluate/checklist/builtin_lists.h"
#include "lathe/evaluate/checklist/package_lexicons.h"

namespace lathe::evaluate::checklist {
namespace {

using nlohmann::json;

Lexicon texts(const std::vector<std::string>& words) {
  return Lexicon(words.begin(), words.end());
}

template <typename T, typename Entry>
Lexicon mapped(const std::vector<T>& values, Entry entry) {
  Lexicon lexicon;
  for (const T& value : values) lexicon.push_back(entry(value));
  return lexicon;
}

Lexicon first_names() {
  Lexicon names = texts(male_names());
  const Lexicon female = texts(female_names());
  names.insert(names.end(), female.begin(), female.end());
  return names;
}

// Names with the pronouns that go with them: {person.name} said that {person.he} had lost {person.his} key.
Lexicon persons() {
  Lexicon lexicon;
  for (const std::string& name : male_names())
    lexicon.push_back({{"name", name},
                       {"he", "he"},
                       {"him", "him"},
                       {"his", "his"},
                       {"himself", "himself"},
                       {"man", "man"}});
  for (const std::string& name : female_names())
    lexicon.push_back({{"name", name},
                       {"he", "she"},
                       {"him", "her"},
                       {"his", "her"},
                       {"himself", "herself"},
                       {"man", "woman"}});
  return lexicon;
}

Lexicon verb_forms(const std::string& verbs, data::VerbForm form) {
  return mapped(split_words(verbs), [&](const std::string& verb) {
    return json(data::inflect(data::installed_wordnet(), verb, form));
  });
}

using Makers = std::map<std::string, std::function<Lexicon()>>;

Makers make_makers() {
  Makers makers = {
      {"male", [] { return texts(male_names()); }},
      {"female", [] { return texts(female_names()); }},
      {"first_name", first_names},
      {"last_name", [] { return texts(last_names()); }},
      {"person", persons},
      {"city", [] { return mapped(cities(), [](const City& c) { return json(c.name); }); }},
      {"place",
       [] {
         return mapped(cities(), [](const City& c) {
           return json{{"city", c.name}, {"country", c.country}};
         });
       }},
      {"us_city", [] { return texts(us_cities()); }},
      {"country", [] { return mapped(countries(), [](const Country& c) { return json(c.name); }); }},
      {"nationality",
       [] { return mapped(countries(), [](const Country& c) { return json(c.nationality); }); }},
      {"nation",
       [] {
         return mapped(countries(), [](const Country& c) {
           return json{{"country", c.name}, {"nationality", c.nationality}};
         });
       }},
      {"given_name", given_names},
      {"time_zone_city", time_zone_cities},
      {"any_country", all_countries},
      {"language", languages},
      {"antonym_adj", antonym_adjectives}};
  for (const WordList& list : word_lists())
    makers[list.name] = [&list] { return texts(split_words(list.words)); };
  for (const WordList& list : verb_lists()) {
    makers[list.name] = [&list] { return texts(split_words(list.words)); };
    const std::pair<const char*, data::VerbForm> forms[] = {{"_present", data::VerbForm::base},
                                                            {"_third", data::VerbForm::third_person},
                                                            {"_past", data::VerbForm::past},
                                                            {"_participle", data::VerbForm::participle},
                                                            {"_gerund", data::VerbForm::gerund}};
    for (const auto& [suffix, form] : forms)
      makers[std::string(list.name) + suffix] = [&list, form = form] { return verb_forms(list.words, form); };
  }
  return makers;
}

const Makers& makers() {
  static const Makers all = make_makers();
  return all;
}

// What follows a prefix: the locale of "country_pt_BR".
std::optional<std::string> after(const std::string& prefix, const std::string& name) {
  if (name.compare(0, prefix.size(), prefix) != 0) return std::nullopt;
  return name.substr(prefix.size());
}

}  // namespace

std::optional<Lexicon> builtin_lexicon(const std::string& name) {
  if (const auto maker = makers().find(name); maker != makers().end()) return maker->second();
  if (const auto locale = after("country_", name)) return countries_in(*locale);
  if (const auto locale = after("language_", name)) return languages_in(*locale);
  if (const auto noun = after("below_", name)) return words_below(*noun);
  return std::nullopt;
}

std::vector<std::string> builtin_lexicon_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : makers()) names.push_back(name);
  return names;
}

}  // namespace lathe::evaluate::checklist
