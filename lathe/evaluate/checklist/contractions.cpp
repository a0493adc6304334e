#include "lathe/evaluate/checklist/contractions.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "lathe/data/morphology.h"
#include "lathe/data/tokenize.h"
#include "lathe/evaluate/checklist/builtin_lists.h"
#include "lathe/evaluate/checklist/text_edit.h"

namespace lathe::evaluate::checklist {
namespace {

using Views = std::vector<std::string_view>;
using Set = std::set<std::string>;

// The words that a contracted word goes with.
struct Family {
  const char* word;
  const char* contracted;
  const char* partners;
};
constexpr Family kAfter[] = {{"am", "'m", "i"},
                             {"are", "'re", "you we they who what"},
                             {"is", "'s", "he she it that there here who what where when why how"},
                             {"will", "'ll", "i you he she it we they that there who what"},
                             {"have", "'ve", "i you we they who could would should might must"},
                             {"would", "'d", "i you he she it we they who that there"},
                             {"us", "'s", "let"}};
constexpr const char* kWithNot =
    "is are was were do does did has have had could would should must might need";

struct Pair {
  std::string expanded, contracted;
};

std::vector<Pair> make_pairs() {
  std::vector<Pair> pairs = {{"cannot", "can't"}, {"will not", "won't"}, {"shall not", "shan't"}};
  for (const std::string& word : split_words(kWithNot)) pairs.push_back({word + " not", word + "n't"});
  for (const Family& family : kAfter)
    for (const std::string& partner : split_words(family.partners))
      pairs.push_back({partner + " " + family.word, partner + family.contracted});
  return pairs;
}

using Table = std::map<std::string, std::string>;

const Table& contractions() {  // by what is contracted
  static const Table table = [] {
    Table all;
    for (const Pair& pair : make_pairs()) all[pair.expanded] = pair.contracted;
    return all;
  }();
  return table;
}

const Table& expansions() {
  static const Table table = [] {
    Table all;
    for (const Pair& pair : make_pairs()) all[pair.contracted] = pair.expanded;
    return all;
  }();
  return table;
}

// The form of the verb that follows, behind adverbs.
std::vector<data::VerbForm> forms_after(const Views& tokens, size_t at) {
  static const Set adverbs = {"not",  "never", "always",   "already",  "just",   "also", "really",
                              "ever", "still", "recently", "probably", "only",   "all",  "both",
                              "now",  "often", "only",     "almost",   "finally"};
  while (at < tokens.size() && adverbs.count(data::lower_case(tokens[at])) != 0) ++at;
  std::vector<data::VerbForm> forms;
  if (at >= tokens.size()) return forms;
  const std::string word = data::lower_case(tokens[at]);
  if (word == "a" || word == "an" || word == "the") return forms;
  for (const data::VerbReading& reading : data::verb_readings(data::installed_wordnet(), word))
    forms.push_back(reading.form);
  return forms;
}

bool contains(const std::vector<data::VerbForm>& forms, data::VerbForm form) {
  return std::find(forms.begin(), forms.end(), form) != forms.end();
}

bool participle_follows(const Views& tokens, size_t at) {
  return contains(forms_after(tokens, at), data::VerbForm::participle);
}

bool ends_with(const std::string& text, const char* end) {
  const std::string_view e(end);
  return text.size() >= e.size() && text.compare(text.size() - e.size(), e.size(), e) == 0;
}

// What "he'd", "what's" and the like stand for before the words that follow; nothing where that is open.
std::optional<std::string> expansion_of(const std::string& word, const Views& tokens, size_t at) {
  static const Set subjects = {"i", "you", "he", "she", "it", "we", "they", "this", "that", "there"};
  const auto found = expansions().find(word);
  if (found == expansions().end()) return std::nullopt;
  if (ends_with(word, "n't") && at + 1 < tokens.size() &&
      subjects.count(data::lower_case(tokens[at + 1])) != 0)
    return std::nullopt;
  if (word == "let's" || !(ends_with(word, "'s") || ends_with(word, "'d"))) return found->second;
  if (at + 1 >= tokens.size()) return std::nullopt;
  const auto forms = forms_after(tokens, at + 1);
  const bool participle = contains(forms, data::VerbForm::participle);
  if (ends_with(word, "'s")) return participle ? std::nullopt : std::optional(found->second);
  const std::string next = data::lower_case(tokens[at + 1]);
  const bool base = contains(forms, data::VerbForm::base) || next == "rather";
  if (base == participle || next == "better") return std::nullopt;
  return base ? found->second : word.substr(0, word.size() - 2) + " had";
}

}  // namespace

std::optional<std::string> contracted(const std::string& text) {
  const Views tokens = data::token_views(text);
  std::vector<TextEdit> edits;
  for (size_t at = 0; at < tokens.size(); ++at) {
    for (const size_t count : {1, 2}) {
      const std::string_view words = joined_tokens(tokens, at, count);
      const auto found = contractions().find(data::lower_case(words));
      if (found == contractions().end() || joined_tokens(tokens, at, count + 1).empty()) continue;
      if (ends_with(found->second, "'ve") && !participle_follows(tokens, at + count)) continue;
      edits.push_back(replacement(text, words, with_case_of(found->second, words)));
      at += count - 1;
      break;
    }
  }
  return edits.empty() ? std::nullopt : std::optional(apply_edits(text, edits));
}

std::optional<std::string> expanded(const std::string& original) {
  const std::string text = with_plain_apostrophes(original);
  const Views tokens = data::token_views(text);
  std::vector<TextEdit> edits;
  for (size_t at = 0; at < tokens.size(); ++at) {
    const std::string word = data::lower_case(tokens[at]);
    if (word == "ain't") return std::nullopt;
    if (expansions().count(word) == 0) continue;
    const auto expansion = expansion_of(word, tokens, at);
    if (!expansion) return std::nullopt;
    edits.push_back(replacement(text, tokens[at], with_case_of(*expansion, tokens[at])));
  }
  return edits.empty() ? std::nullopt : std::optional(apply_edits(text, edits));
}

}  // namespace lathe::evaluate::checklist
