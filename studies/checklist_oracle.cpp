#include "studies/checklist_oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "lathe/data/morphology.h"
#include "lathe/evaluate/checklist/builtin_lexicons.h"

namespace lathe::studies::checklist {
namespace {

using evaluate::checklist::builtin_lexicon;
using Words = std::vector<std::string>;
using WordSet = std::set<std::string>;

const std::map<Fault, const char*>& fault_names() {
  static const std::map<Fault, const char*> kNames = {
      {Fault::ignores_not, "ignores not"},
      {Fault::ignores_contractions, "ignores n't"},
      {Fault::short_negation, "negates the next two words only"},
      {Fault::negated_neutral, "not neutral is negative"},
      {Fault::negation_at_the_end, "skips a negation at the end"},
      {Fault::negated_negative, "not bad is bad"},
      {Fault::first_mention, "what was counts"},
      {Fault::others_count, "others' opinions count as much"},
      {Fault::answer_no, "skips the answer no"},
      {Fault::case_sensitive, "knows lower case only"},
      {Fault::needs_full_stop, "needs a full stop"},
      {Fault::afraid_of_links, "links are negative"},
      {Fault::no_spelling, "a typo hides a word"},
      {Fault::first_words, "reads twelve words"},
      {Fault::biased_by_name, "women's names are negative"},
      {Fault::biased_by_place, "places from M to Z are negative"},
      {Fault::biased_by_group, "religions and orientations are negative"},
      {Fault::small_vocabulary, "knows half of the words"},
      {Fault::intensifiers_reverse, "intensifiers weaken"},
      {Fault::reducers_negate, "reducers negate"}};
  return kNames;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// The single words of a lexicon's entries; those of several words part by part.
Words lexicon_words(const std::string& name) {
  Words words;
  const auto entries = builtin_lexicon(name).value();
  for (const auto& entry : entries) {
    std::string word;
    for (const char c : entry.get<std::string>() + " ") {
      if (c != ' ') {
        word += c;
      } else if (!word.empty()) {
        words.push_back(word);
        word.clear();
      }
    }
  }
  return words;
}

WordSet set_of(const std::vector<std::string>& lexicons) {
  WordSet words;
  for (const std::string& name : lexicons)
    for (const std::string& word : lexicon_words(name)) words.insert(word);
  return words;
}

struct Lexicon {
  // Opinion words with their sign, and how common each is: its place in its list, in [0, 1).
  struct Opinion {
    int sign;
    double place;
  };
  std::unordered_map<std::string, Opinion> opinions;
  WordSet intensifiers, reducers, female, places, groups, names;

  Lexicon() {
    const auto add = [&](const Words& words, int sign) {
      for (size_t i = 0; i < words.size(); ++i)
        opinions.emplace(words[i], Opinion{sign, static_cast<double>(i) / static_cast<double>(words.size())});
    };
    for (const char* form : {"", "_past"}) {
      add(lexicon_words(std::string("pos_verb") + form), 1);
      add(lexicon_words(std::string("neg_verb") + form), -1);
    }
    add(lexicon_words("pos_adj"), 1);
    add(lexicon_words("neg_adj"), -1);
    add({"nice"}, 1);
    add({"uncomfortable"}, -1);
    intensifiers = set_of({"intens_adj", "intens_verb"});
    intensifiers.insert("so");
    reducers = set_of({"reducer_adj", "reducer_verb"});
    reducers.erase("a");
    female = set_of({"female"});
    names = set_of({"first_name", "last_name"});
    places = set_of({"city", "country", "us_city"});
    groups = set_of({"religion_adj", "sexual_adj"});
  }
};

const Lexicon& lexicon() {
  static const Lexicon kLexicon;
  return kLexicon;
}

bool known(const std::string& word) {
  static std::unordered_map<std::string, bool> cache;
  const std::string small = lower(word);
  const auto found = cache.find(word);
  if (found != cache.end()) return found->second;
  static const WordSet kFunctionWords = {
      "the",  "a",    "an",    "this", "that",  "these",  "i",   "we",   "you",  "he",       "she",
      "it",   "they", "my",    "our",  "me",    "us",     "and", "or",   "but",  "although", "of",
      "to",   "from", "with",  "for",  "on",    "in",     "at",  "by",   "is",   "was",      "are",
      "were", "be",   "am",    "do",   "does",  "did",    "has", "had",  "have", "not",      "would",
      "will", "if",   "than",  "as",   "about", "so",     "isn", "wasn", "don",  "doesn",    "didn",
      "t",    "s",    "m",     "ll",   "ve",    "re",     "d",   "used", "now",  "airline",  "yes",
      "no",   "what", "given", "been", "all",   "others", "her", "his",  "hers"};
  bool result = kFunctionWords.count(small) > 0 || lexicon().opinions.count(small) > 0 ||
                lexicon().names.count(word) > 0 || lexicon().places.count(word) > 0;
  if (!result && word.size() > 2) {
    const data::WordNet& wordnet = data::installed_wordnet();
    for (const auto part : {data::PartOfSpeech::noun, data::PartOfSpeech::verb, data::PartOfSpeech::adjective,
                            data::PartOfSpeech::adverb})
      result = result || !data::lemmas(wordnet, small, part).empty();
    if (word == small)  // "lima", "tom": only in capitals
      result = result && lexicon().names.count(std::string(1, static_cast<char>(word[0] - 'a' + 'A')) +
                                               word.substr(1)) == 0;
  }
  return cache[word] = result;
}

int unknown_words(const std::string& text) {
  int count = 0;
  std::string word;
  for (const char c : text + " ") {
    if (is_letter(c)) {
      word += c;
    } else if (!word.empty()) {
      if (!known(word)) ++count;
      word.clear();
    }
  }
  return count;
}

// A text with misspelt words, with the one swap of neighbours undone that leaves fewest.
std::string spelled(const std::string& text) {
  int fewest = unknown_words(text);
  if (fewest == 0) return text;
  std::string best = text;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == text[i + 1] || (!is_letter(text[i]) && !is_letter(text[i + 1]))) continue;
    std::string candidate = text;
    std::swap(candidate[i], candidate[i + 1]);
    const int unknown = unknown_words(candidate);
    if (unknown < fewest) {
      fewest = unknown;
      best = candidate;
    }
  }
  return best;
}

// The words that are neither links nor handles, and whether there was a link.
std::pair<std::string, bool> without_links(const std::string& text) {
  std::string result;
  bool linked = false;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const bool url = word.find("://") != word.npos || word.find("t.co/") != word.npos;
    const bool handle = word.size() > 1 && word[0] == '@';
    linked |= url;
    if (!url && !handle) result += (result.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return {result, linked};
}

// Words and marks; "isn't" is is + not, or is + n't where that shall be seen.
Words tokens_of(const std::string& text) {
  Words tokens;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && (is_letter(text[end]) || (end > at && text[end] == '\'' &&
                                                          end + 1 < text.size() && is_letter(text[end + 1]))))
      ++end;
    if (end == at) {
      if (text[at] != ' ') tokens.push_back(std::string(1, text[at]));
      ++at;
      continue;
    }
    std::string word = text.substr(at, end - at);
    at = end;
    const size_t mark = word.find('\'');
    if (mark == word.npos) {
      tokens.push_back(std::move(word));
    } else if (word.size() > 3 && lower(word.substr(mark - 1)) == "n't") {
      tokens.push_back(word.substr(0, mark - 1));
      tokens.push_back("n't");
    } else {
      tokens.push_back(word.substr(0, mark));
    }
  }
  return tokens;
}

struct Clause {
  double score = 0;
  bool opinion = false, negated = false, past = false, present = false, own = false, others = false;
};

struct Reader {
  const std::set<Fault>& faults;
  bool has(Fault fault) const { return faults.count(fault) > 0; }

  const Lexicon::Opinion* opinion(const std::string& token) const {
    if (has(Fault::case_sensitive) && token != lower(token)) return nullptr;
    const auto found = lexicon().opinions.find(lower(token));
    if (found == lexicon().opinions.end()) return nullptr;
    if (has(Fault::small_vocabulary) && found->second.place >= 0.5) return nullptr;
    return &found->second;
  }

  bool negates(const std::string& token) const {
    if (token == "n't") return !has(Fault::ignores_contractions);
    if (token == "not") return !has(Fault::ignores_not);
    return token == "never" || token == "cannot";
  }

  Clause clause(const Words& tokens, size_t begin, size_t end) const {
    Clause result;
    bool negated = false;
    size_t negator = 0, words = 0;
    const std::string first = begin < end ? lower(tokens[begin]) : "";
    for (size_t i = begin; i < end; ++i) {
      const std::string token = lower(tokens[i]);
      if (is_letter(token[0])) ++words;
      result.own |= token == "i" || token == "we";
      result.present |= token == "now";
      result.past |= (token == "used" && i + 1 < end && lower(tokens[i + 1]) == "to") || token == "past";
      if (negates(token)) {
        negated = !negated;
        negator = words;
        result.negated = true;
      }
      const bool neutral = has(Fault::negated_neutral) && is_neutral(token);
      const Lexicon::Opinion* found = opinion(tokens[i]);
      if (!found && !neutral) continue;
      double score = found ? found->sign : 0;
      result.opinion = result.opinion || found;
      const std::string before = i > begin ? lower(tokens[i - 1]) : "";
      if (lexicon().intensifiers.count(before)) score *= has(Fault::intensifiers_reverse) ? 0.3 : 1.4;
      if (lexicon().reducers.count(before)) score *= has(Fault::reducers_negate) ? -1 : 0.85;
      const bool reaches = negated && (!has(Fault::short_negation) || words - negator <= 2);
      if (reaches)
        score = !found ? -1 : score > 0 ? -0.9 * score : (has(Fault::negated_negative) ? 0.9 : -0.7) * score;
      result.score += score;
    }
    static const WordSet kOthers = {"some", "other", "everyone", "people", "my"};
    result.others = !result.own && kOthers.count(first) > 0;
    return result;
  }

  static bool is_neutral(const std::string& token) {
    static const WordSet kNeutral = [] {
      WordSet words;
      for (const std::string& word : lexicon_words("neutral_adj")) words.insert(lower(word));
      return words;
    }();
    return kNeutral.count(token) > 0;
  }

  double sentence(const Words& tokens, size_t begin, size_t end) const {
    std::vector<Clause> clauses;
    for (size_t at = begin; at < end;) {
      size_t stop = at;
      while (stop < end && lower(tokens[stop]) != "but" && lower(tokens[stop]) != "although") ++stop;
      if (stop > at) clauses.push_back(clause(tokens, at, stop));
      at = stop + 1;
    }
    if (clauses.empty()) return 0;
    if (clauses.size() == 1) return clauses[0].score;
    const auto keep = [&](auto wanted) {
      double sum = 0;
      for (const Clause& c : clauses)
        if (wanted(c)) sum += c.score;
      return sum;
    };
    const auto any = [&](auto property) { return std::any_of(clauses.begin(), clauses.end(), property); };
    if (any([](const Clause& c) { return c.past; }) && any([](const Clause& c) { return c.present; }))
      return keep([&](const Clause& c) { return has(Fault::first_mention) ? c.past : c.present; });
    const Clause &last = clauses.back(), &before = clauses[clauses.size() - 2];
    if (last.negated && !last.opinion)
      return has(Fault::negation_at_the_end) ? before.score
             : before.score > 0              ? -before.score
                                             : -0.7 * before.score;
    if (any([](const Clause& c) { return c.own; }) &&
        any([](const Clause& c) { return c.others && c.opinion; }))
      return keep([&](const Clause& c) { return has(Fault::others_count) || c.own; });
    return last.opinion ? last.score : keep([](const Clause&) { return true; });
  }

  double text(const Words& tokens) const {
    double score = 0;
    for (size_t begin = 0; begin < tokens.size();) {
      const auto is_end = [](const std::string& token) {
        return token == "." || token == "!" || token == "?";
      };
      size_t end = begin;
      while (end < tokens.size() && !is_end(tokens[end])) ++end;
      double sum = sentence(tokens, begin, end);
      const bool question = end < tokens.size() && tokens[end] == "?";
      if (question && end + 1 < tokens.size()) {
        const std::string answer = lower(tokens[end + 1]);
        if (answer == "no" && !has(Fault::answer_no)) sum = sum > 0 ? -sum : -0.7 * sum;
      }
      score += sum;
      begin = end + 1;
    }
    return score;
  }

  double bias(const Words& tokens) const {
    double score = 0;
    for (const std::string& token : tokens) {
      if (has(Fault::biased_by_name) && lexicon().female.count(token)) score -= 2;
      if (has(Fault::biased_by_place) && token[0] >= 'M' && lexicon().places.count(token)) score -= 2;
      if (has(Fault::biased_by_group) && lexicon().groups.count(token)) score -= 2;
    }
    return score;
  }
};

}  // namespace

const std::vector<Fault>& all_faults() {
  static const std::vector<Fault> kFaults = [] {
    std::vector<Fault> faults;
    for (const auto& [fault, name] : fault_names()) faults.push_back(fault);
    return faults;
  }();
  return kFaults;
}

std::string name_of(Fault fault) {
  return fault_names().at(fault);
}

Oracle::Oracle(std::set<Fault> faults) : faults_(std::move(faults)) {}

std::array<float, 3> Oracle::classify(const std::string& text) const {
  const Reader reader{faults_};
  auto [plain, linked] = without_links(text);
  if (!reader.has(Fault::no_spelling)) plain = spelled(plain);
  Words tokens = tokens_of(plain);
  if (reader.has(Fault::first_words)) tokens.resize(std::min<size_t>(tokens.size(), 12));
  double score = reader.text(tokens) + reader.bias(tokens);
  if (linked && reader.has(Fault::afraid_of_links)) score -= 2;
  const bool ended = !plain.empty() && (plain.back() == '.' || plain.back() == '!' || plain.back() == '?');
  if (!ended && reader.has(Fault::needs_full_stop)) score = 0;
  // Softmax of -2 s, 1, 2 s: an opinion of 0.7 is one.
  const double negative = std::exp(-2 * score), neutral = std::exp(1), positive = std::exp(2 * score);
  const double sum = negative + neutral + positive;
  return {static_cast<float>(negative / sum), static_cast<float>(neutral / sum),
          static_cast<float>(positive / sum)};
}

}  // namespace lathe::studies::checklist
