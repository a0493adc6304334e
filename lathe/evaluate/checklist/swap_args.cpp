#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "lathe/data/morphology.h"
#include "lathe/evaluate/checklist/clause.h"
#include "lathe/evaluate/checklist/perturbations.h"
#include "lathe/evaluate/checklist/text_edit.h"

namespace lathe::evaluate::checklist {
namespace {

using Words = std::vector<TaggedWord>;
using data::VerbForm;

// words[begin, end)
struct Span {
  size_t begin = 0, end = 0;
  GrammaticalNumber number = GrammaticalNumber::either;
};

bool is(const Words& words, size_t at, const std::set<std::string>& set) {
  return at < words.size() && set.count(words[at].lower) != 0;
}

std::string_view view_of(const Words& words, const Span& phrase) {
  const std::string_view first = words[phrase.begin].text, last = words[phrase.end - 1].text;
  return {first.data(), static_cast<size_t>(last.data() + last.size() - first.data())};
}

bool is_simple(const Words& words, size_t begin, size_t end) {
  constexpr double kLikely = 0.3;
  const TaggedWord& head = words[end - 1];
  if (head[WordTag::noun] + head[WordTag::plural] + head[WordTag::name] < kLikely) return false;
  for (size_t at = begin; at < end; ++at)
    for (const WordTag tag : {WordTag::coordinator, WordTag::pronoun, WordTag::preposition})
      if (words[at].can_be(tag)) return false;
  return true;
}

// The participant that begins at `begin`: a name, or a noun with a determiner before it, or nouns in the
// plural; the most likely of those that `follows` accepts the end of.
template <typename Follows>
std::optional<Span> participant(const Words& words, size_t begin, PhraseRole role, Follows follows) {
  std::optional<Span> found;
  double best = 0;
  for (const NounPhrase& phrase : noun_phrases(words, begin, role)) {
    if (!is_simple(words, begin, phrase.end) || !follows(phrase.end) || phrase.probability <= best) continue;
    best = phrase.probability;
    found = Span{begin, phrase.end, phrase.number};
  }
  return found;
}

bool at_end(const Words& words, size_t at) {
  return at >= words.size() || (words[at].can_be(WordTag::punctuation) && at + 1 == words.size());
}

bool ends_phrase(const Words& words, size_t at) {
  if (is(words, at, {"of"})) return false;  // belongs to the phrase
  return at_end(words, at) || skip_adverbs(words, at) > at || words[at].can_be(WordTag::preposition);
}

bool is_comparison(const Words& words, size_t at) {
  if (at >= words.size()) return false;
  const std::string& word = words[at].lower;
  const bool er =
      word.size() > 3 && word.compare(word.size() - 2, 2, "er") == 0 && words[at].can_be(WordTag::adjective);
  return er || is(words, at, {"more", "less", "better", "worse", "as"});
}

bool is_verbal(const Words& words, size_t at) {
  return at < words.size() && (words[at].can_be(WordTag::base) || words[at].can_be(WordTag::participle) ||
                               words[at].can_be(WordTag::gerund));
}

struct Arguments {
  Clause clause;
  Span subject, object;
  size_t main_verb = 0;  // the word before the object
  bool comparison = false;
};

std::optional<Span> find_subject(const Words& words, const Clause& clause) {
  if (clause.kind == ClauseKind::command) return std::nullopt;
  if (clause.kind == ClauseKind::statement)
    return participant(words, clause.subject, PhraseRole::subject,
                       [&](size_t end) { return end == clause.subject_end; });
  if (clause.verb != 0) return std::nullopt;
  return participant(words, 1, PhraseRole::subject,
                     [&](size_t end) { return is_comparison(words, end) || is_verbal(words, end); });
}

// Where what is compared with begins: after "than", or the second "as".
size_t after_than(const Words& words, size_t comparison) {
  size_t at = comparison + 1;
  while (at < words.size() && !is(words, at, {"than", "as"})) ++at;
  return at + 1;
}

// "x sees y", "x has always seen y", "x is bigger than y", "Does x see y?"; nothing for anything else.
std::optional<Arguments> find_arguments(const Words& words) {
  const auto clause = find_clause(words);
  if (!clause) return std::nullopt;
  const auto subject = find_subject(words, *clause);
  if (!subject) return std::nullopt;
  const bool inverted = clause->kind == ClauseKind::inverted;
  const TaggedWord& finite = words[clause->verb];
  size_t at = inverted ? subject->end : clause->verb + 1;
  const bool comparison = finite.can_be(WordTag::be);
  if (comparison) {
    at = skip_adverbs(words, at);
    if (!is_comparison(words, at)) return std::nullopt;
    at = after_than(words, at);
  } else if (inverted || finite.can_be(WordTag::modal) || finite.can_be(WordTag::have)) {
    at = skip_adverbs(words, at);
    if (!is_verbal(words, at)) return std::nullopt;
    ++at;
  }
  const auto object =
      participant(words, at, PhraseRole::object, [&](size_t end) { return ends_phrase(words, end); });
  if (!object) return std::nullopt;
  return Arguments{*clause, *subject, *object, at - 1, comparison};
}

// A phrase that moves to or from the beginning of the sentence.
std::string in_place(const Words& words, const Span& phrase, bool first) {
  std::string text(view_of(words, phrase));
  if (first) return capitalized(text);
  const bool name = words[phrase.begin].can_be(WordTag::name);
  if (phrase.begin == 0 && !name && is_capitalized(text)) text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

Variants variant(std::string text) {
  return {{std::move(text), "", ""}};
}

// "been", "became": what links a subject with what it is has no passive, nor have some other verbs.
bool has_passive(const std::string& lemma) {
  static const std::set<std::string> without = {
      "be",    "become", "remain", "seem", "look", "feel",   "weigh", "cost", "resemble",
      "have",  "lack",   "fit",    "stay", "mean", "appear", "last",  "turn", "go",
      "sleep", "suit",   "sound",  "let",  "get",  "live",   "work",  "wait"};
  return without.count(lemma) == 0;
}

bool is_time(const Words& words, const Span& phrase) {
  return is(words, phrase.end - 1,
            {"day", "days", "week", "weeks", "month", "months", "year", "years", "hour", "hours", "minute",
             "minutes", "night", "morning", "evening", "afternoon", "time", "way", "miles"});
}

std::string be_form(VerbForm form, GrammaticalNumber number) {
  const bool plural = number == GrammaticalNumber::plural;
  return form == VerbForm::past ? plural ? "were" : "was" : plural ? "are" : "is";
}

std::optional<std::string> lemma_of(const std::string& word, VerbForm form) {
  const data::WordNet& wordnet = data::installed_wordnet();
  std::optional<std::string> best;
  int64_t most = -1;
  for (const data::VerbReading& reading : data::verb_readings(wordnet, word)) {
    const int64_t frequency = wordnet.frequency(reading.lemma, data::PartOfSpeech::verb);
    if (reading.form != form || frequency <= most) continue;
    most = frequency;
    best = reading.lemma;
  }
  return best;
}

// A noun that mostly means somebody who can do something: people, groups, animals.
bool is_actor(const Words& words, const Span& phrase) {
  constexpr int32_t kAnimal = 5, kGroup = 14, kPerson = 18;  // lexnames(5WN)
  constexpr double kShareOfSenses = 1.0 / 3;
  if (words[phrase.end - 1].can_be(WordTag::name)) return true;
  if (words[phrase.begin].can_be(WordTag::number)) return false;  // "20 hands"
  const data::WordNet& wordnet = data::installed_wordnet();
  double senses = 0, actors = 0;
  for (const std::string& lemma :
       data::lemmas(wordnet, words[phrase.end - 1].lower, data::PartOfSpeech::noun))
    for (const int32_t sense : wordnet.senses(lemma)) {
      const data::Synset& synset = wordnet.synsets()[static_cast<size_t>(sense)];
      if (synset.part_of_speech != data::PartOfSpeech::noun) continue;
      const int32_t file = synset.lexicographer_file;
      ++senses;
      actors += file == kAnimal || file == kGroup || file == kPerson ? 1 : 0;
    }
  return actors > kShareOfSenses * senses;
}

VerbForm form_of(const TaggedWord& verb) {
  return verb.can_be(WordTag::past)    ? VerbForm::past
         : verb.can_be(WordTag::third) ? VerbForm::third_person
                                       : VerbForm::base;
}

Variants to_passive(const std::string& text, const Words& words, const Arguments& arguments) {
  const TaggedWord& finite = words[arguments.clause.verb];
  const TaggedWord& verb = words[arguments.main_verb];
  const bool question = arguments.clause.kind == ClauseKind::inverted;
  const bool alone = arguments.main_verb == arguments.clause.verb;  // without an auxiliary
  const bool measure = words[arguments.object.begin].text[0] <= '9' || is_time(words, arguments.object);
  if (arguments.comparison || measure) return {};  // "The horse stood 20 hands"
  if (question ? !finite.can_be(WordTag::do_) : !alone && finite.lower != "will") return {};
  const auto lemma = lemma_of(verb.lower, alone ? form_of(verb) : VerbForm::base);
  if (!lemma || !has_passive(*lemma)) return {};
  const VerbForm tense = finite.lower == "did" ? VerbForm::past : alone ? form_of(verb) : VerbForm::base;
  const std::string be = alone || question ? be_form(tense, arguments.object.number) : "will be";
  const std::string object = in_place(words, arguments.object, !question && arguments.subject.begin == 0);
  const std::string participle = data::inflect(data::installed_wordnet(), *lemma, VerbForm::participle);
  const std::string passive = (question ? capitalized(be) + " " + object : object + " " + be) + " " +
                              participle + " by " + in_place(words, arguments.subject, false);
  const Span whole{question ? 0 : arguments.subject.begin, arguments.object.end};
  return variant(apply_edits(text, {replacement(text, view_of(words, whole), passive)}));
}

Variants to_active(const std::string& text, const Words& words) {
  const auto clause = find_clause(words);
  if (!clause || clause->kind != ClauseKind::statement ||
      !is(words, clause->verb, {"is", "are", "was", "were"}))
    return {};
  const auto subject = find_subject(words, *clause);
  const size_t verb = clause->verb + 1;
  if (!subject || verb + 1 >= words.size() || !words[verb].can_be(WordTag::participle) ||
      !is(words, verb + 1, {"by"}))
    return {};
  const auto agent =
      participant(words, verb + 2, PhraseRole::object, [&](size_t end) { return ends_phrase(words, end); });
  const auto lemma = lemma_of(words[verb].lower, VerbForm::participle);
  if (!agent || !lemma || !is_actor(words, *agent) || is_time(words, *agent)) return {};
  const bool past = is(words, clause->verb, {"was", "were"});
  const VerbForm form = past                                         ? VerbForm::past
                        : agent->number == GrammaticalNumber::plural ? VerbForm::base
                                                                     : VerbForm::third_person;
  const std::string active = in_place(words, *agent, subject->begin == 0) + " " +
                             data::inflect(data::installed_wordnet(), *lemma, form) + " " +
                             in_place(words, *subject, false);
  return variant(
      apply_edits(text, {replacement(text, view_of(words, {subject->begin, agent->end}), active)}));
}

}  // namespace

Variants swap_args(const std::string& text) {
  const Words words = tag_words(text);
  const auto arguments = find_arguments(words);
  if (!arguments) return {};
  const auto& [clause, subject, object, main_verb, comparison] = *arguments;
  const bool past = words[clause.verb][WordTag::past] > 0 || words[clause.verb].can_be(WordTag::modal) ||
                    is(words, clause.verb, {"did", "had"});
  if (!past && subject.number != object.number) return {};  // the verb would not agree
  if (!comparison && !(is_actor(words, subject) && is_actor(words, object))) return {};
  return variant(apply_edits(
      text, {replacement(text, view_of(words, subject), in_place(words, object, subject.begin == 0)),
             replacement(text, view_of(words, object), in_place(words, subject, false))}));
}

Variants active_passive(const std::string& text) {
  const Words words = tag_words(text);
  if (const auto arguments = find_arguments(words)) return to_passive(text, words, *arguments);
  return to_active(text, words);
}

}  // namespace lathe::evaluate::checklist
