#include "lathe/data/morphology.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

namespace lathe::data {
namespace {

using Words = std::vector<std::string>;

bool ends_with(std::string_view word, std::string_view end) {
  return word.size() >= end.size() && word.substr(word.size() - end.size()) == end;
}

bool contains(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

using Rules =
    std::vector<std::pair<std::string_view, std::string_view>>;  // an ending, and what it stands for

// morphy(7WN), "Rules of detachment".
const Rules& detachments(PartOfSpeech part_of_speech) {
  static const Rules noun = {{"s", ""},      {"ses", "s"},   {"xes", "x"},   {"zes", "z"},
                             {"ches", "ch"}, {"shes", "sh"}, {"men", "man"}, {"ies", "y"}};
  static const Rules verb = {{"s", ""},   {"ies", "y"}, {"es", "e"},  {"es", ""},
                             {"ed", "e"}, {"ed", ""},   {"ing", "e"}, {"ing", ""}};
  static const Rules adjective = {{"er", ""}, {"est", ""}, {"er", "e"}, {"est", "e"}};
  static const Rules none;
  switch (part_of_speech) {
    case PartOfSpeech::noun:
      return noun;
    case PartOfSpeech::verb:
      return verb;
    case PartOfSpeech::adjective:
      return adjective;
    default:
      return none;
  }
}

bool sibilant(std::string_view word) {
  return ends_with(word, "s") || ends_with(word, "x") || ends_with(word, "z") || ends_with(word, "ch") ||
         ends_with(word, "sh");
}

bool consonant_y(std::string_view word) {
  return word.size() > 1 && word.back() == 'y' && !is_vowel(word[word.size() - 2]);
}

std::string with_s(std::string_view word) {
  const std::string text(word);
  if (sibilant(word)) return text + "es";
  if (consonant_y(word)) return text.substr(0, text.size() - 1) + "ies";
  return text + "s";
}

// "stop" and "plan" double their last letter; longer words that do are in WordNet's list.
bool doubles(std::string_view word) {
  if (word.size() < 3 || std::string_view("bdgmnprt").find(word.back()) == std::string_view::npos)
    return false;
  const auto vowels = std::count_if(word.begin(), word.end(), is_vowel);
  return vowels == 1 && is_vowel(word[word.size() - 2]);
}

std::string stem_before(std::string_view lemma, std::string_view suffix) {
  std::string stem(lemma);
  if (ends_with(lemma, "ie") && suffix == "ing") return stem.substr(0, stem.size() - 2) + "y";
  if (ends_with(lemma, "e") &&
      (suffix == "ed" || !(ends_with(lemma, "ee") || ends_with(lemma, "oe") || ends_with(lemma, "ye"))))
    return stem.substr(0, stem.size() - 1);
  if (suffix == "ed" && consonant_y(lemma)) return stem.substr(0, stem.size() - 1) + "i";
  if (doubles(lemma)) return stem + stem.back();
  return stem;
}

std::string regular(std::string_view lemma, VerbForm form) {
  switch (form) {
    case VerbForm::base:
      return std::string(lemma);
    case VerbForm::third_person:
      return consonant_y(lemma) || !ends_with(lemma, "o") ? with_s(lemma) : std::string(lemma) + "es";
    case VerbForm::gerund:
      return stem_before(lemma, "ing") + "ing";
    default:
      return stem_before(lemma, "ed") + "ed";
  }
}

using Set = std::unordered_set<std::string_view>;

const Set kSameInPlural = {"sheep",      "deer",   "fish",   "series", "species", "aircraft",
                           "spacecraft", "salmon", "trout",  "moose",  "bison",   "offspring",
                           "shrimp",     "swine",  "police", "cattle"};
// WordNet's list has rare plurals of these beside the common, regular ones.
const Set kRegularPlural = {"brother", "bus",      "gas",    "bureau",   "stadium", "formula", "octopus",
                            "penny",   "cow",      "cherub", "genius",   "cloth",   "plateau", "beau",
                            "index",   "appendix", "auto",   "terminus", "virus"};
const Set kMans = {"human", "german", "roman", "norman", "talisman", "shaman"};
const Set kOes = {"hero",     "potato",  "tomato",  "echo",  "veto", "torpedo",
                  "mosquito", "volcano", "tornado", "mango", "cargo"};

// Verbs whose participle is the base form; the list has their past only.
const Set kParticipleIsBase = {"come", "become", "overcome", "run", "outrun", "rerun"};
// Verbs whose past is the base form; the list has no such verbs.
const Set kUnchanged = {"bet",  "bid",   "burst",  "cast",   "cost",  "cut",       "hit",      "hurt",
                        "let",  "put",   "quit",   "read",   "rid",   "set",       "shed",     "shut",
                        "slit", "split", "spread", "thrust", "upset", "broadcast", "forecast", "offset"};

const Words& forms_of_be(VerbForm form) {
  static const std::array<Words, 5> forms = {
      Words{"be", "am", "are"}, {"is"}, {"was", "were"}, {"been"}, {"being"}};
  return forms[static_cast<size_t>(form)];
}

// Of two irregular forms, the participle is the one in -n or -ne (given, done; not began), or with the vowel
// u.
bool looks_like_participle(std::string_view form) {
  if ((ends_with(form, "n") && !ends_with(form, "an")) || ends_with(form, "ne")) return true;
  const size_t vowel = form.find_last_of("aeiou");
  return vowel != form.npos && form[vowel] == 'u';
}

// "shown", "proven": their past is regular. Not "won", "spun", "shone", which are both.
bool participle_only(std::string_view form) {
  return ends_with(form, "wn") || ends_with(form, "en");
}

// "learnt", "spelt": the regular form is the more common one.
bool rare_in_t(std::string_view form, std::string_view lemma) {
  if (lemma == "mean" || lemma == "deal") return false;
  const std::string stem(ends_with(lemma, "ll") ? lemma.substr(0, lemma.size() - 1) : lemma);
  return form == stem + "t";
}

bool is_past(std::string_view form, std::string_view lemma) {
  return !ends_with(form, "ing") && !ends_with(form, "s") && form.find_first_of("'_") == form.npos &&
         !rare_in_t(form, lemma);
}

// The past or the participle in the list; none where they are regular.
Words irregular_past(const WordNet& wordnet, std::string_view lemma, VerbForm form) {
  if (kUnchanged.count(lemma) != 0 || (form == VerbForm::past && lemma == "beat"))
    return {std::string(lemma)};
  if (form == VerbForm::participle && kParticipleIsBase.count(lemma) != 0) return {std::string(lemma)};
  Words pasts, participles;
  for (const std::string& candidate : wordnet.irregular_forms(lemma, PartOfSpeech::verb))
    if (is_past(candidate, lemma))
      (looks_like_participle(candidate) ? participles : pasts).push_back(candidate);
  if (form == VerbForm::participle) return participles.empty() ? pasts : participles;
  if (!pasts.empty()) return pasts;
  if (std::all_of(participles.begin(), participles.end(), participle_only)) return {};
  return participles;
}

// All spellings of a form, the preferred one first.
Words verb_forms(const WordNet& wordnet, std::string_view lemma, VerbForm form) {
  if (lemma == "be") return forms_of_be(form);
  Words forms;
  if (form == VerbForm::third_person || form == VerbForm::gerund) {
    const std::string_view end = form == VerbForm::gerund ? "ing" : "s";
    for (const std::string& candidate : wordnet.irregular_forms(lemma, PartOfSpeech::verb))
      if (ends_with(candidate, end)) forms.push_back(candidate);
  } else if (form != VerbForm::base) {
    forms = irregular_past(wordnet, lemma, form);
  }
  if (forms.empty()) return {regular(lemma, form)};
  const auto ed =
      std::find_if(forms.begin(), forms.end(), [](const std::string& f) { return ends_with(f, "ed"); });
  if (ed != forms.end()) std::rotate(forms.begin(), ed, ed + 1);
  return forms;
}

}  // namespace

bool is_vowel(char c) {
  return std::string_view("aeiou").find(c) != std::string_view::npos;
}

std::vector<std::string> lemmas(const WordNet& wordnet, std::string_view word, PartOfSpeech part_of_speech) {
  std::vector<std::string> found;
  const auto add = [&](std::string lemma) {
    if (!contains(found, lemma) && wordnet.has(lemma, part_of_speech)) found.push_back(std::move(lemma));
  };
  add(std::string(word));
  const Words& irregular = wordnet.irregular_lemmas(word, part_of_speech);
  for (const std::string& lemma : irregular) add(lemma);
  if (!irregular.empty()) return found;
  for (const auto& [ending, replacement] : detachments(part_of_speech))
    if (word.size() > ending.size() && ends_with(word, ending))
      add(std::string(word.substr(0, word.size() - ending.size())) + std::string(replacement));
  return found;
}

std::vector<VerbReading> verb_readings(const WordNet& wordnet, std::string_view word) {
  std::vector<VerbReading> readings;
  for (const std::string& lemma : lemmas(wordnet, word, PartOfSpeech::verb)) {
    for (const VerbForm form :
         {VerbForm::base, VerbForm::third_person, VerbForm::past, VerbForm::participle, VerbForm::gerund})
      // A regular form is understood beside an irregular one: "learned", "learnt".
      if (contains(verb_forms(wordnet, lemma, form), word) ||
          (lemma != word && form != VerbForm::base && regular(lemma, form) == word))
        readings.push_back({lemma, form});
  }
  return readings;
}

std::string inflect(const WordNet& wordnet, std::string_view lemma, VerbForm form) {
  return verb_forms(wordnet, lemma, form).front();
}

std::string plural(const WordNet& wordnet, std::string_view noun) {
  if (noun == "person") return "people";
  if (kSameInPlural.count(noun) != 0) return std::string(noun);
  const Words& irregular = wordnet.irregular_forms(noun, PartOfSpeech::noun);
  if (!irregular.empty() && kRegularPlural.count(noun) == 0) return irregular.front();
  if (ends_with(noun, "man") && kMans.count(noun) == 0)
    return std::string(noun.substr(0, noun.size() - 3)) + "men";
  return kOes.count(noun) != 0 ? std::string(noun) + "es" : with_s(noun);
}

}  // namespace lathe::data
