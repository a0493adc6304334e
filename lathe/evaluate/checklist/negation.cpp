#include "lathe/evaluate/checklist/negation.h"

#include <algorithm>
#include <set>
#include <vector>

#include "lathe/data/morphology.h"
#include "lathe/evaluate/checklist/clause.h"
#include "lathe/evaluate/checklist/text_edit.h"
#include "lathe/evaluate/checklist/word_tags.h"

namespace lathe::evaluate::checklist {
namespace {

using data::VerbForm;
using Words = std::vector<TaggedWord>;
using Set = std::set<std::string>;
using Edited = std::optional<std::string>;

std::string replaced(const std::string& text, std::string_view part, const std::string& with) {
  return apply_edits(text, {replacement(text, part, with)});
}

std::string inserted_after(const std::string& text, std::string_view part, const std::string& addition) {
  return replaced(text, part, std::string(part) + addition);
}

std::string_view joined(std::string_view first, std::string_view last) {
  return {first.data(), static_cast<size_t>(last.data() + last.size() - first.data())};
}

std::string with_small_letter(std::string word) {
  if (is_capitalized(word)) word[0] = static_cast<char>(word[0] - 'A' + 'a');
  return word;
}

bool is(const Words& words, size_t at, const Set& set) {
  return at < words.size() && set.count(words[at].lower) != 0;
}

bool is_one_sentence(const Words& words) {
  static const Set ends = {".", "!", "?"};
  static const Set unclear = {"\"",     "\u201c", "\u201d", ";",   ":",      "(", ")",
                              "\u2013", "\u2014", "-",      "...", "\u2026", "/"};
  for (size_t at = 0; at < words.size(); ++at) {
    if (is(words, at, unclear)) return false;
    if (at + 1 < words.size() && is(words, at, ends)) return false;
  }
  return words.size() >= 2;
}

// The verb that follows auxiliaries, by what it can be after adverbs.
bool followed_by(const Words& words, size_t at, WordTag tag) {
  const size_t next = skip_adverbs(words, at + 1);
  return next < words.size() && words[next].can_be(tag);
}

bool has_base_after(const Words& words, size_t at) {
  const size_t next = skip_adverbs(words, at + 1);
  return next < words.size() && (words[next].can_be(WordTag::base) || is(words, next, {"be", "have", "do"}));
}

bool has_participle_after(const Words& words, size_t at) {
  return followed_by(words, at, WordTag::participle) ||
         is(words, skip_adverbs(words, at + 1), {"been", "had"});
}

constexpr double kLikely = 0.5;

// Adverbs before the verb that a negation follows: "He still doesn't like it".
bool stays_before_negation(const std::string& adverb) {
  static const Set before = {"also",      "still",      "sometimes", "probably",  "perhaps", "maybe",
                             "certainly", "definitely", "clearly",   "obviously", "just",    "then",
                             "now",       "soon",       "simply",    "apparently"};
  return before.count(adverb) != 0;
}

struct MainVerb {
  std::string lemma;
  VerbForm form = VerbForm::base;
};

// Which verb in which form a word is, with a subject of that number. Nothing where that is open: "They put it
// down", "They found it".
std::optional<MainVerb> main_verb(const std::string& word, GrammaticalNumber number) {
  if (word == "has" || word == "have" || word == "had")
    return MainVerb{"have", word == "has"   ? VerbForm::third_person
                            : word == "had" ? VerbForm::past
                                            : VerbForm::base};
  if (word == "does" || word == "do" || word == "did")
    return MainVerb{"do", word == "does"  ? VerbForm::third_person
                          : word == "did" ? VerbForm::past
                                          : VerbForm::base};
  const data::WordNet& wordnet = data::installed_wordnet();
  constexpr int64_t kClearlyMoreFrequent = 3;
  std::optional<MainVerb> best;
  int64_t most = -1, second = -1;
  for (const auto& [lemma, form] : data::verb_readings(wordnet, word)) {
    if (form == VerbForm::participle || form == VerbForm::gerund) continue;
    if (form == VerbForm::base && number == GrammaticalNumber::singular) continue;
    if (form == VerbForm::third_person && number == GrammaticalNumber::plural) continue;
    const int64_t frequency = wordnet.frequency(lemma, data::PartOfSpeech::verb);
    if (frequency > most) {
      second = most;
      most = frequency;
      best = MainVerb{lemma, form};
    } else {
      second = std::max(second, frequency);
    }
  }
  if (!best || (second >= 0 && most < kClearlyMoreFrequent * std::max<int64_t>(second, 1)))
    return std::nullopt;
  return best;
}

std::string do_form(VerbForm form) {
  return form == VerbForm::third_person ? "doesn't" : form == VerbForm::past ? "didn't" : "don't";
}

// "likes" → "doesn't like", "always likes" → "doesn't always like"; also of have and do as main verbs.
Edited with_do(const std::string& text, const Words& words, const Clause& clause) {
  const auto verb = main_verb(words[clause.verb].lower, clause.number);
  if (!verb || verb->lemma == "use" || verb->lemma == "thank") return std::nullopt;
  size_t at = clause.verb;
  while (at > clause.subject_end && !stays_before_negation(words[at - 1].lower)) --at;
  if (is(words, at, {"already", "only"})) return std::nullopt;
  const std::string_view part = joined(words[at].text, words[clause.verb].text);
  const std::string adverbs(part.substr(0, part.size() - words[clause.verb].text.size()));
  return replaced(text, part, do_form(verb->form) + " " + adverbs + verb->lemma);
}

// "can't", "won't", "hasn't"
std::string contracted_with_not(std::string_view auxiliary) {
  const std::string word(auxiliary);
  if (word == "can" || word == "Can") return word + "'t";
  if (word == "will" || word == "Will") return with_case_of("won't", word);
  return word + "n't";
}

// "'s" is "is", or "has" before few participles; before others it can be either.
Edited negated_s(const std::string& text, const Words& words, size_t at) {
  if (!has_participle_after(words, at)) return inserted_after(text, words[at].text, " not");
  if (!is(words, skip_adverbs(words, at + 1), {"been", "got", "had"})) return std::nullopt;
  return replaced(text, words[at].text, " hasn't");
}

Edited negated_d(const std::string& text, const Words& words, size_t at) {
  const bool would = has_base_after(words, at), had = has_participle_after(words, at);
  if (would == had || is(words, at + 1, {"better", "rather", "sooner"})) return std::nullopt;
  return replaced(text, words[at].text, would ? " wouldn't" : " hadn't");
}

Edited negated_auxiliary(const std::string& text, const Words& words, const Clause& clause) {
  const TaggedWord& word = words[clause.verb];
  if (is(words, clause.verb,
         {"am", "is", "are", "was", "were", "'m", "'re", "may", "might", "must", "shall"}))
    return inserted_after(text, word.text, " not");
  if (word.lower == "'s") return negated_s(text, words, clause.verb);
  if (word.lower == "'d") return negated_d(text, words, clause.verb);
  if (word.lower == "'ll") return replaced(text, word.text, " won't");
  const bool participle = has_participle_after(words, clause.verb);
  if (word.lower == "'ve") return participle ? Edited(replaced(text, word.text, " haven't")) : std::nullopt;
  const bool helps = is(words, clause.verb, {"can", "could", "will", "would", "should"}) ||
                     (word.can_be(WordTag::have) && participle) ||
                     (word.can_be(WordTag::do_) && has_base_after(words, clause.verb));
  if (helps) return replaced(text, word.text, contracted_with_not(word.text));
  if (word.can_be(WordTag::modal) || is(words, clause.verb + 1, {"better"})) return std::nullopt;
  return with_do(text, words, clause);
}

Edited negated_question(const std::string& text, const Words& words, const Clause& clause) {
  const TaggedWord& word = words[clause.verb];
  if (is(words, clause.verb, {"am", "may", "might", "must", "shall", "ought"}) || word.lower[0] == '\'')
    return std::nullopt;
  // "What isn't your name?"
  if (word.can_be(WordTag::be) && is(words, 0, {"what", "where", "when"})) return std::nullopt;
  return replaced(text, word.text, contracted_with_not(word.text));
}

bool is_auxiliary(const TaggedWord& word) {
  return word.can_be(WordTag::be) || word.can_be(WordTag::have) || word.can_be(WordTag::do_) ||
         word.can_be(WordTag::modal) || word.lower == "'s" || word.lower == "'d";
}

bool is_negative(const TaggedWord& word) {
  return word.can_be(WordTag::negation);
}

// "doesn't always like" → "always likes"; "Don't go" → "Go".
Edited without_do(const std::string& text, const Words& words, size_t negation) {
  const std::string& auxiliary = words[negation - 1].lower;
  const size_t verb = skip_adverbs(words, negation + 1);
  if (!has_base_after(words, negation)) return std::nullopt;
  const std::string_view part = joined(words[negation - 1].text, words[verb].text);
  const VerbForm form = auxiliary == "does"  ? VerbForm::third_person
                        : auxiliary == "did" ? VerbForm::past
                                             : VerbForm::base;
  std::string positive =
      verb > negation + 1 ? std::string(joined(words[negation + 1].text, words[verb - 1].text)) + " " : "";
  positive += data::inflect(data::installed_wordnet(), words[verb].lower, form);
  return replaced(text, part, with_case_of(positive, part));
}

}  // namespace

std::optional<std::string> negated(const std::string& original) {
  const std::string text = with_plain_apostrophes(original);
  const Words words = tag_words(text);
  if (!is_one_sentence(words) || std::any_of(words.begin(), words.end(), is_negative)) return std::nullopt;
  if (words.size() >= 2 && words[0].lower == "let" && words[1].lower == "'s")
    return inserted_after(text, words[1].text, " not");
  const auto clause = find_clause(words);
  if (!clause) return std::nullopt;
  const TaggedWord& verb = words[clause->verb];
  if (is(words, clause->verb, {"thank", "use", "used"})) return std::nullopt;
  switch (clause->kind) {
    case ClauseKind::command:
      return replaced(text, verb.text,
                      with_case_of("don't", verb.text) + " " + with_small_letter(std::string(verb.text)));
    case ClauseKind::inverted:
      return negated_question(text, words, *clause);
    default:
      return is_auxiliary(verb) ? negated_auxiliary(text, words, *clause) : with_do(text, words, *clause);
  }
}

std::optional<std::string> without_negation(const std::string& original) {
  const std::string text = with_plain_apostrophes(original);
  const Words words = tag_words(text);
  const auto found = std::find_if(words.begin(), words.end(), is_negative);
  if (!is_one_sentence(words) || found == words.end() || std::any_of(found + 1, words.end(), is_negative))
    return std::nullopt;
  const auto at = static_cast<size_t>(found - words.begin());
  if (found->lower == "cannot") return replaced(text, found->text, with_case_of("can", found->text));
  if (at == 0 || !is(words, at, {"not", "n't", "never"})) return std::nullopt;
  const TaggedWord& before = words[at - 1];
  const std::string_view both = joined(before.text, found->text);
  const bool question = words.back().text == "?";
  if (found->lower == "never") {
    if (question || at + 1 >= words.size()) return std::nullopt;
    return replaced(text, joined(found->text, words[at + 1].text), std::string(words[at + 1].text));
  }
  if (before.lower == "ca") return replaced(text, both, with_case_of("can", before.text));
  if (before.lower == "wo") return replaced(text, both, with_case_of("will", before.text));
  const size_t after = skip_adverbs(words, at + 1);
  const bool inverted = question && (after >= words.size() || words[after][WordTag::base] < kLikely);
  if (before.can_be(WordTag::do_) && !inverted) return without_do(text, words, at);
  // "Is she not happy?"
  const bool after_subject = question && words[0].can_be(WordTag::be);
  if (is_auxiliary(before) || after_subject) return replaced(text, both, std::string(before.text));
  return std::nullopt;
}

}  // namespace lathe::evaluate::checklist
