#include <algorithm>
#include <map>
#include <set>

#include "lathe/data/tokenize.h"
#include "lathe/evaluate/checklist/builtin_lists.h"
#include "lathe/evaluate/checklist/perturbations.h"
#include "lathe/evaluate/checklist/text_edit.h"

namespace lathe::evaluate::checklist {
namespace {

using Views = std::vector<std::string_view>;
using Names = std::vector<std::string>;

bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// `count` of the names that are in no token of the text, in random order.
Names others(const Names& names, const Views& tokens, int64_t count, core::Random& random) {
  Names chosen;
  for (const std::string& name : names)
    if (std::find(tokens.begin(), tokens.end(), name) == tokens.end()) chosen.push_back(name);
  random.shuffle(chosen);
  if (static_cast<int64_t>(chosen.size()) > count) chosen.resize(static_cast<size_t>(count));
  return chosen;
}

struct Person {
  const Names* list = nullptr;  // the first names of the same gender
  std::string first, last;      // last: "" where it is not told
};

// Cities and states that are in the lists of names too.
bool is_place(const Views& tokens, size_t at) {
  static const std::set<std::string_view> also_places = {"Austin", "Charlotte", "Madison", "Virginia",
                                                         "Victoria"};
  static const std::set<std::string> before = {"in", "to", "from", "at", "near", "of", "around"};
  return also_places.count(tokens[at]) != 0 && at > 0 && before.count(data::lower_case(tokens[at - 1])) != 0;
}

// The word after a token, "" where something else than one space stands between.
std::string_view word_after(const Views& tokens, size_t at) {
  return joined_tokens(tokens, at, 2).empty() ? std::string_view() : tokens[at + 1];
}

std::vector<Person> find_persons(const Views& tokens) {
  constexpr size_t kInitial = 2;  // "John F Kennedy": an unknown word of one or two letters is no last name
  std::vector<Person> persons;
  std::set<std::string> unknown;
  for (size_t at = 0; at < tokens.size(); ++at) {
    const Names* list = contains(male_names(), tokens[at])     ? &male_names()
                        : contains(female_names(), tokens[at]) ? &female_names()
                                                               : nullptr;
    if (!list || is_place(tokens, at)) continue;
    const std::string first(tokens[at]);
    const std::string_view next = word_after(tokens, at);
    const bool last_name = contains(last_names(), next);
    if (!last_name && is_capitalized(next) && next.size() > kInitial && !contains(male_names(), next) &&
        !contains(female_names(), next))
      unknown.insert(first);
    const auto same =
        std::find_if(persons.begin(), persons.end(), [&](const Person& p) { return p.first == first; });
    if (same == persons.end())
      persons.push_back({list, first, last_name ? std::string(next) : ""});
    else if (same->last.empty() && last_name)
      same->last = next;
  }
  persons.erase(std::remove_if(persons.begin(), persons.end(),
                               [&](const Person& person) { return unknown.count(person.first) != 0; }),
                persons.end());
  return persons;
}

std::string with_names(const std::string& text, const Views& tokens,
                       const std::map<std::string, std::string>& names) {
  std::vector<TextEdit> edits;
  for (const std::string_view token : tokens)
    if (const auto found = names.find(std::string(token)); found != names.end())
      edits.push_back(replacement(text, token, found->second));
  return apply_edits(text, edits);
}

// "Anna's": a name's token without the 's.
Views without_possessives(Views tokens) {
  for (std::string_view& token : tokens)
    if (token.size() > 2 && token.substr(token.size() - 2) == "'s") token.remove_suffix(2);
  return tokens;
}

struct Place {
  std::string_view text;  // in the text, with "the" before a country
  std::string name;
  bool country = false;
};

bool takes_the(const std::string& country) {
  return country == "United States" || country == "United Kingdom" || country == "Philippines" ||
         country == "Netherlands";
}

std::vector<Place> find_places(const Views& tokens) {
  static const std::map<std::string, bool, std::less<>> known = [] {  // name: whether it is a country
    std::map<std::string, bool, std::less<>> all;
    for (const std::string& city : us_cities()) all[city] = false;
    for (const City& city : cities()) all[city.name] = false;
    for (const Country& country : countries()) all[country.name] = true;
    return all;
  }();
  constexpr size_t kMostWords = 4;
  std::vector<Place> places;
  for (size_t at = 0; at < tokens.size(); ++at)
    for (size_t count = std::min(kMostWords, tokens.size() - at); count > 0; --count) {
      const std::string_view name = joined_tokens(tokens, at, count);
      const auto found = known.find(name);
      if (found == known.end()) continue;
      // "New Mexico", "Paris Hilton", "China Airlines"
      const bool part_of_more = (at > 0 && (tokens[at - 1] == "New" || tokens[at - 1] == "North")) ||
                                is_capitalized(word_after(tokens, at + count - 1));
      if (!part_of_more) {
        const bool the = found->second && at > 0 && data::lower_case(tokens[at - 1]) == "the" &&
                         !joined_tokens(tokens, at - 1, 2).empty();
        const char* begin = the ? tokens[at - 1].data() : name.data();
        places.push_back(
            {{begin, static_cast<size_t>(name.data() + name.size() - begin)}, found->first, found->second});
      }
      at += count - 1;
      break;
    }
  return places;
}

Names country_names() {
  Names names;
  for (const Country& country : countries()) names.push_back(country.name);
  return names;
}

Names city_names() {
  Names names;
  for (const City& city : cities()) names.push_back(city.name);
  return names;
}

std::string with_place(const std::string& text, const std::vector<Place>& places, const std::string& old,
                       const std::string& name) {
  std::vector<TextEdit> edits;
  for (const Place& place : places)
    if (place.name == old) {
      const bool the = place.country && takes_the(name);
      edits.push_back(
          replacement(text, place.text, (the ? place.text[0] == 'T' ? "The " : "the " : "") + name));
    }
  return apply_edits(text, edits);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_whole_number(const std::string& text, std::string_view token) {
  constexpr size_t kMostDigits = 15;
  if (token.size() > kMostDigits || !std::all_of(token.begin(), token.end(), is_digit)) return false;
  // Not within "3.5", "10,000", "9:30", "24/7", "555-1234".
  static constexpr std::string_view joints = ".,:/-";
  const size_t begin = offset_of(text, token), end = begin + token.size();
  const bool before = begin >= 2 && joints.find(text[begin - 1]) != joints.npos && is_digit(text[begin - 2]);
  const bool after =
      end + 1 < text.size() && joints.find(text[end]) != joints.npos && is_digit(text[end + 1]);
  return !before && !after;
}

}  // namespace

Variants change_names(const std::string& text, NamePart part, int64_t count, core::Random& random) {
  const Views tokens = without_possessives(data::token_views(text));
  Variants variants;
  std::vector<Person> persons = find_persons(tokens);
  if (part == NamePart::last)
    persons.erase(
        std::remove_if(persons.begin(), persons.end(), [](const Person& p) { return p.last.empty(); }),
        persons.end());
  const auto num_persons = static_cast<int64_t>(persons.size());
  for (int64_t i = 0; i < num_persons; ++i) {
    const Person& person = persons[static_cast<size_t>(i)];
    const int64_t share = count / num_persons + (i < count % num_persons ? 1 : 0);
    const Names firsts = others(*person.list, tokens, share, random),
                lasts = others(last_names(), tokens, share, random);
    for (size_t k = 0; k < std::min(firsts.size(), lasts.size()); ++k) {
      std::map<std::string, std::string> names;
      if (part != NamePart::last) names[person.first] = firsts[k];
      if (part != NamePart::first && !person.last.empty()) names[person.last] = lasts[k];
      const std::string before = part == NamePart::last ? person.last : person.first;
      variants.push_back({with_names(text, tokens, names), before, names[before]});
    }
  }
  return variants;
}

Variants change_locations(const std::string& text, int64_t count, core::Random& random) {
  const Views tokens = data::token_views(text);
  const std::vector<Place> places = find_places(tokens);
  std::map<std::string, bool> distinct;
  for (const Place& place : places) distinct[place.name] = place.country;
  Variants variants;
  int64_t left = count, names_left = static_cast<int64_t>(distinct.size());
  for (const auto& [name, country] : distinct) {
    Names candidates = country ? country_names() : city_names();
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                    [&](const std::string& other) { return distinct.count(other) != 0; }),
                     candidates.end());
    const int64_t share = (left + names_left - 1) / names_left;
    for (const std::string& other : others(candidates, {}, share, random))
      variants.push_back({with_place(text, places, name, other), name, other});
    left -= share;
    --names_left;
  }
  return variants;
}

Variants change_numbers(const std::string& text, int64_t count, core::Random& random) {
  std::set<std::string> numbers;
  const Views tokens = data::token_views(text);
  for (const std::string_view token : tokens)
    if (is_whole_number(text, token) && token != "2" && token != "4") numbers.insert(std::string(token));
  Variants variants;
  int64_t left = count, numbers_left = static_cast<int64_t>(numbers.size());
  for (const std::string& number : numbers) {
    const int64_t x = std::stoll(number), c = x / 5 + 1, below = std::max<int64_t>(0, std::min(c, x - 1));
    std::vector<int64_t> changes;  // at most `share` of them are drawn
    const int64_t share = (left + numbers_left - 1) / numbers_left;
    for (int64_t vain = 0; vain < 10 * share && static_cast<int64_t>(changes.size()) < share; ++vain) {
      const int64_t t = random.below(below + c + 1) - below;
      if (t != 0 && std::find(changes.begin(), changes.end(), t) == changes.end()) changes.push_back(t);
    }
    for (const int64_t t : changes) {
      const std::string changed = std::to_string(x + t);
      std::vector<TextEdit> edits;
      for (const std::string_view token : tokens)
        if (token == number && is_whole_number(text, token))
          edits.push_back(replacement(text, token, changed));
      variants.push_back({apply_edits(text, edits), number, changed});
    }
    left -= share;
    --numbers_left;
  }
  return variants;
}

}  // namespace lathe::evaluate::checklist
