#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "lathe/evaluate/checklist/word_tags.h"

// The main clause of a simple English sentence: a rule parser that gives up rather than guesses.
namespace lathe::evaluate::checklist {

enum class GrammaticalNumber { singular, plural, either };

// words[begin, end)
struct NounPhrase {
  size_t end = 0;
  double probability = 0;
  GrammaticalNumber number = GrammaticalNumber::either;
};
enum class PhraseRole { subject, object };  // "he" is no object, "him" no subject
// All noun phrases that begin there: pronouns, names, nouns with what stands before them, phrases after "of",
// "in", … and those joined by "and".
std::vector<NounPhrase> noun_phrases(const std::vector<TaggedWord>& words, size_t begin, PhraseRole role);

enum class ClauseKind {
  statement,  // and questions whose subject stands before the verb: "Who likes it?"
  inverted,   // "Does she like it?", "What did he say?"
  command
};

struct Clause {
  ClauseKind kind = ClauseKind::statement;
  size_t subject = 0, subject_end = 0;  // of statements
  GrammaticalNumber number = GrammaticalNumber::either;
  size_t verb = 0;  // the finite verb: an auxiliary, a form of be, or the verb itself
};

// Nothing where there is no clause, or more than one way to read it is plausible.
std::optional<Clause> find_clause(const std::vector<TaggedWord>& words);

// The first word from `at` on that is no adverb, or words.size().
size_t skip_adverbs(const std::vector<TaggedWord>& words, size_t at);

}  // namespace lathe::evaluate::checklist
