#include "lathe/evaluate/checklist/clause.h"

#include <algorithm>
#include <set>
#include <string>

namespace lathe::evaluate::checklist {
namespace {

using Words = std::vector<TaggedWord>;
using Set = std::set<std::string>;

constexpr size_t kLongestPhrase = 8;
constexpr int kDeepestPhrase = 2;
constexpr double kUnlikely = 0.05, kRareVerb = 0.05, kMostlyVerb = 0.7, kPossiblyVerb = 0.2;
constexpr double kMostlyAdjective = 5;  // as many times as likely an adjective: no noun
constexpr double kBareNoun = 0.3;  // how much rarer a singular noun without an article is: "music", "time"
// A reading must be as many times as likely as any other one.
constexpr double kClearlyMoreLikely = 3;

bool is(const Words& words, size_t at, const Set& set) {
  return at < words.size() && set.count(words[at].lower) != 0;
}

bool can_be(const Words& words, size_t at, WordTag tag) {
  return at < words.size() && words[at].can_be(tag);
}

// Pronouns that can be subjects, by the form of the verb they take.
std::optional<GrammaticalNumber> pronoun_number(const std::string& word, PhraseRole role) {
  static const Set singular = {"he",        "she",        "it",      "this",     "that",      "everyone",
                               "everybody", "everything", "someone", "somebody", "something", "anyone",
                               "anybody",   "anything",   "who",     "what"};
  static const Set plural = {"i", "you", "we", "they", "these", "those"};
  static const Set objects = {"me",  "him",  "her",  "us",    "them", "it",
                              "you", "this", "that", "these", "those"};
  if (role == PhraseRole::object) {
    if (objects.count(word) != 0) return GrammaticalNumber::either;
    if (word == "i" || word == "he" || word == "she" || word == "we" || word == "they") return std::nullopt;
  }
  if (singular.count(word) != 0) return GrammaticalNumber::singular;
  if (plural.count(word) != 0) return GrammaticalNumber::plural;
  if (word == "there") return GrammaticalNumber::either;
  return std::nullopt;
}

double modifier_probability(const TaggedWord& word) {
  return word[WordTag::adjective] + word[WordTag::noun] + word[WordTag::number] + word[WordTag::name] +
         0.5 * (word[WordTag::adverb] + word[WordTag::participle] + word[WordTag::gerund]);
}

// Phrases without "of …" and "and …" behind them; possessives start again: [my brother's] old car.
void add_simple_phrases(const Words& words, size_t begin, double probability, bool determined,
                        std::vector<NounPhrase>& phrases) {
  for (size_t at = begin; at < std::min(words.size(), begin + kLongestPhrase); ++at) {
    const TaggedWord& word = words[at];
    const auto add = [&](double p, GrammaticalNumber number) {
      if (p <= 0) return;
      phrases.push_back({at + 1, probability * p, number});
      if (can_be(words, at + 1, WordTag::possessive) && words[at + 1].lower == "'s")
        add_simple_phrases(words, at + 2, probability * p, true, phrases);
    };
    // Not "His regular [calls on …]".
    if (word[WordTag::noun] * kMostlyAdjective > word[WordTag::adjective])
      add(word[WordTag::noun] * (determined || at > begin ? 1 : kBareNoun), GrammaticalNumber::singular);
    add(word[WordTag::plural], GrammaticalNumber::plural);
    add(word[WordTag::name], GrammaticalNumber::singular);
    if (!determined && at == begin) add(word[WordTag::gerund], GrammaticalNumber::singular);
    probability *= modifier_probability(word);
    if (probability <= 0) return;
  }
}

std::vector<NounPhrase> phrases_at(const Words& words, size_t begin, PhraseRole role, int depth);

std::vector<NounPhrase> simple_phrases(const Words& words, size_t begin, PhraseRole role) {
  std::vector<NounPhrase> phrases;
  if (begin >= words.size()) return phrases;
  const TaggedWord& word = words[begin];
  if (const auto number = pronoun_number(word.lower, role)) phrases.push_back({begin + 1, 1, *number});
  add_simple_phrases(words, begin, 1, false, phrases);
  size_t at = begin;
  while (at < begin + 2 && can_be(words, at, WordTag::determiner))
    add_simple_phrases(words, ++at, 1, true, phrases);
  return phrases;
}

std::vector<NounPhrase> phrases_at(const Words& words, size_t begin, PhraseRole role, int depth) {
  std::vector<NounPhrase> phrases = simple_phrases(words, begin, role);
  if (depth == 0) return phrases;
  for (size_t i = 0, count = phrases.size(); i < count; ++i) {
    const NounPhrase phrase = phrases[i];
    if (can_be(words, phrase.end, WordTag::preposition))
      for (const NounPhrase& object : phrases_at(words, phrase.end + 1, PhraseRole::object, depth - 1))
        phrases.push_back({object.end, phrase.probability * object.probability, phrase.number});
    if (is(words, phrase.end, {"and"}))
      for (const NounPhrase& other : phrases_at(words, phrase.end + 1, role, depth - 1))
        phrases.push_back({other.end, phrase.probability * other.probability, GrammaticalNumber::plural});
  }
  return phrases;
}

bool agrees(GrammaticalNumber subject, GrammaticalNumber verb) {
  return subject == GrammaticalNumber::either || verb == GrammaticalNumber::either || subject == verb;
}

// How likely a word is a finite verb of a subject of that number; 0: it is not.
double finite_probability(const Words& words, size_t at, size_t subject, const NounPhrase& phrase) {
  const TaggedWord& word = words[at];
  const bool i = phrase.end == subject + 1 && words[subject].lower == "i";
  const bool pronoun = phrase.end == subject + 1 && words[subject].can_be(WordTag::pronoun);
  const auto with = [&](GrammaticalNumber verb, double p) { return agrees(phrase.number, verb) ? p : 0; };
  const auto singular = GrammaticalNumber::singular, plural = GrammaticalNumber::plural;
  if (word.lower == "am" || word.lower == "'m") return i ? 1 : 0;
  if (word.lower == "was" && i) return 1;
  if (is(words, at, {"is", "was", "has", "does"})) return with(singular, 1);
  if (word.lower == "are" || word.lower == "were") return i ? 0 : with(plural, 1);
  if (is(words, at, {"have", "do", "'re", "'ve"})) return with(plural, 1);
  if (word.lower == "had" || word.lower == "did") return 1;
  if (word.lower == "'s") return pronoun ? with(singular, 1) : 0;
  if (word.lower == "'d") return pronoun ? 1 : 0;
  if (word.can_be(WordTag::modal)) return 1;
  return with(singular, word[WordTag::third]) + with(plural, word[WordTag::base]) + word[WordTag::past];
}

bool is_auxiliary(const TaggedWord& word) {
  return word.can_be(WordTag::be) || word.can_be(WordTag::have) || word.can_be(WordTag::do_) ||
         word.can_be(WordTag::modal);
}

bool is_subject_pronoun(const Words& words, size_t at) {
  return is(words, at, {"i", "he", "she", "we", "they"});
}

// Whether what follows "and", "or" or "but" is a clause or a verb of its own.
bool joins_clauses(const Words& words, size_t coordinator) {
  const size_t next = skip_adverbs(words, coordinator + 1);
  if (words[coordinator].lower == "but" || next >= words.size() || is_subject_pronoun(words, next))
    return true;
  const TaggedWord& word = words[next];
  const double verbal = word[WordTag::base] + word[WordTag::third] + word[WordTag::past] + word[WordTag::be] +
                        word[WordTag::modal] + word[WordTag::have] + word[WordTag::do_];
  return verbal > word[WordTag::noun] + word[WordTag::plural] + word[WordTag::adjective];
}

// After an auxiliary what could be past is a participle: "There are two seats left".
bool is_likely_finite(const Words& words, size_t at, bool has_auxiliary) {
  constexpr double kLikely = 0.4;
  const TaggedWord& word = words[at];
  // "to have", "has been", "two seats"
  for (const WordTag tag :
       {WordTag::modal, WordTag::to, WordTag::do_, WordTag::have, WordTag::be, WordTag::number})
    if (can_be(words, at - 1, tag)) return false;
  if (can_be(words, at - 1, WordTag::determiner) && !can_be(words, at - 1, WordTag::pronoun)) return false;
  if (is(words, at, {"am", "is", "are", "was", "were", "'m", "'re", "has", "had"})) return true;
  if (word.can_be(WordTag::modal) || word.can_be(WordTag::do_)) return true;
  const bool participle = has_auxiliary && word.can_be(WordTag::participle);
  return word[WordTag::third] + (participle ? 0 : word[WordTag::past]) > kLikely;
}

// Whether a later word shows that the sentence has a second clause which no word introduces: its first verb
// may then not be the main one ("The man injured in the crash died"), or only one of two ("He sings and
// dances").
bool has_loose_verb(const Words& words, size_t verb) {
  static const Set takes_clause = {"think",   "thought",  "thinks",   "know",  "knew",  "knows",
                                   "believe", "believes", "believed", "hope",  "hopes", "hoped",
                                   "say",     "says",     "said",     "feel",  "feels", "felt",
                                   "guess",   "suppose",  "suspect",  "heard", "claim", "claims"};
  const bool has_auxiliary = is_auxiliary(words[verb]);
  bool introduced = is(words, verb, takes_clause);
  for (size_t at = verb + 1; at < words.size(); ++at) {
    const TaggedWord& word = words[at];
    if (word.can_be(WordTag::coordinator) && joins_clauses(words, at)) return true;
    if (is_subject_pronoun(words, at) && words[at - 1].lower == ",") return true;
    if (word.can_be(WordTag::coordinator) || word.lower == ",") introduced = false;
    const bool introduces = word.can_be(WordTag::subordinator) && !word.can_be(WordTag::preposition);
    introduced = introduced || introduces || is(words, at, takes_clause) || is_subject_pronoun(words, at);
    if (!introduced && is_likely_finite(words, at, has_auxiliary)) return true;
  }
  return false;
}

std::optional<Clause> find_statement(const Words& words, size_t begin) {
  struct Reading {
    Clause clause;
    double probability = 0;
  };
  Reading best;
  double second = 0;
  for (const NounPhrase& phrase : noun_phrases(words, begin, PhraseRole::subject)) {
    double probability = phrase.probability;
    for (size_t at = phrase.end; at < std::min(words.size(), phrase.end + 3); ++at) {
      const double p = probability * finite_probability(words, at, begin, phrase);
      const bool same_verb = best.probability > 0 && best.clause.verb == at;
      if (p > best.probability) {
        if (!same_verb) second = std::max(second, best.probability);
        best = {{ClauseKind::statement, begin, phrase.end, phrase.number, at}, p};
      } else if (!same_verb) {
        second = std::max(second, p);
      }
      probability *= words[at][WordTag::adverb];
    }
  }
  if (best.probability <= 0 || best.probability < kClearlyMoreLikely * second) return std::nullopt;
  return best.clause;
}

bool starts_subject(const Words& words, size_t at) {
  const auto phrases = noun_phrases(words, at, PhraseRole::subject);
  return std::any_of(phrases.begin(), phrases.end(),
                     [](const NounPhrase& p) { return p.probability > kUnlikely; });
}

bool any_from(const Words& words, size_t begin, WordTag tag) {
  return std::any_of(words.begin() + static_cast<int64_t>(std::min(begin, words.size())), words.end(),
                     [&](const TaggedWord& word) { return word.can_be(tag); });
}

// Whether the auxiliary at `at` stands before its subject, and the verb that it needs follows.
bool is_inverted(const Words& words, size_t at) {
  if (at >= words.size() || !starts_subject(words, at + 1)) return false;
  const TaggedWord& word = words[at];
  if (word.can_be(WordTag::be)) return true;
  if (word.can_be(WordTag::have))
    return any_from(words, at + 2, WordTag::participle) || any_from(words, at + 2, WordTag::be);
  return any_from(words, at + 2, WordTag::base) || any_from(words, at + 2, WordTag::do_) ||
         any_from(words, at + 2, WordTag::have) || any_from(words, at + 2, WordTag::be);
}

std::optional<Clause> find_question(const Words& words) {
  static const Set question_words = {"what", "who", "which", "whose", "when", "where", "why"};
  if (is(words, 0, {"how"})) return std::nullopt;
  if (is_auxiliary(words[0]))
    return is_inverted(words, 0) ? std::optional(Clause{.kind = ClauseKind::inverted, .verb = 0})
                                 : std::nullopt;
  if (!is(words, 0, question_words)) return find_statement(words, 0);
  // "what", "which book", "whose old car": then the auxiliary.
  constexpr size_t kLastAuxiliary = 3;
  for (size_t at = 1; at <= kLastAuxiliary && at < words.size(); ++at) {
    if (!is_auxiliary(words[at])) continue;
    if (is_inverted(words, at)) return Clause{.kind = ClauseKind::inverted, .verb = at};
    break;
  }
  return is(words, 0, {"when", "where", "why"}) ? std::nullopt : find_statement(words, 0);
}

std::optional<Clause> find_command(const Words& words, size_t begin) {
  const size_t verb = is(words, begin, {"please"}) ? begin + 1 : begin;
  if (verb >= words.size()) return std::nullopt;
  const double base = is(words, verb, {"be", "do", "have"}) ? 1 : words[verb][WordTag::base];
  const size_t next = verb + 1;
  const bool surely_verb = verb > begin || can_be(words, next, WordTag::determiner) ||
                           can_be(words, next, WordTag::pronoun) || can_be(words, next, WordTag::name);
  // "Help!", "Water bottles": without an object it can be a noun.
  if (base <= (surely_verb ? kRareVerb : kMostlyVerb)) return std::nullopt;
  return Clause{.kind = ClauseKind::command, .verb = verb};
}

// Where the clause begins: after "And", "Yesterday", "In the morning,".
std::optional<size_t> clause_begin(const Words& words) {
  static const Set openers = {"yesterday", "today",   "tomorrow", "tonight",       "sometimes",   "usually",
                              "now",       "then",    "maybe",    "perhaps",       "often",       "soon",
                              "later",     "finally", "luckily",  "unfortunately", "fortunately", "also",
                              "however",   "yes",     "well",     "sadly",         "suddenly",    "once"};
  size_t begin = is(words, 0, {"and", "but", "so"}) ? 1 : 0;
  if (is(words, begin, openers)) {
    ++begin;
    return is(words, begin, {","}) ? begin + 1 : begin;
  }
  if (can_be(words, begin, WordTag::preposition) || can_be(words, begin, WordTag::to)) {
    for (const NounPhrase& phrase : noun_phrases(words, begin + 1, PhraseRole::object))
      if (is(words, phrase.end, {","})) return phrase.end + 1;
    return std::nullopt;
  }
  return begin;
}

}  // namespace

std::vector<NounPhrase> noun_phrases(const std::vector<TaggedWord>& words, size_t begin, PhraseRole role) {
  return phrases_at(words, begin, role, kDeepestPhrase);
}

size_t skip_adverbs(const std::vector<TaggedWord>& words, size_t at) {
  while (at < words.size() && words[at][WordTag::adverb] > 0.5) ++at;
  return at;
}

std::optional<Clause> find_clause(const std::vector<TaggedWord>& words) {
  static const Set never_first = {"if",    "when",  "because", "while",   "although", "though", "unless",
                                  "since", "until", "whether", "whereas", "who",      "which",  "where",
                                  "why",   "how",   "what",    "whose",   "as"};
  if (words.size() < 2) return std::nullopt;
  std::optional<Clause> clause;
  if (words.back().text == "?") {
    clause = find_question(words);
  } else if (!is(words, 0, never_first)) {
    const auto begin = clause_begin(words);
    if (!begin || *begin >= words.size()) return std::nullopt;
    const auto statement = find_statement(words, *begin), command = find_command(words, *begin);
    // "Drink the water", "Dogs like water": the first word is the verb, or it is not.
    if (statement && command && words[*begin][WordTag::base] > kPossiblyVerb) return std::nullopt;
    clause = statement ? statement : command;
  }
  if (!clause || has_loose_verb(words, clause->verb)) return std::nullopt;
  return clause;
}

}  // namespace lathe::evaluate::checklist
