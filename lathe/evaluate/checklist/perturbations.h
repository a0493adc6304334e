#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/perturbation.h"
#include "lathe/evaluate/checklist/word_relation.h"

// The perturbations behind parse_perturbation(). All give {} where they do not apply; those that draw give at
// most `count` different variants.
namespace lathe::evaluate::checklist {

using Variants = std::vector<Variant>;

// perturb_characters.cpp
// Swaps a random character (grapheme) with its right neighbour, `swaps` times; equal neighbours are never
// chosen.
Variants typos(const std::string& text, int64_t swaps, int64_t count, core::Random& random);
// A random letter becomes its neighbour on a US keyboard, `letters` times.
Variants keyboard_typos(const std::string& text, int64_t letters, int64_t count, core::Random& random);
// Without the punctuation at the end, and with a full stop there instead.
Variants punctuation(const std::string& text);
Variants lowercase(const std::string& text);
Variants uppercase(const std::string& text);

// perturb_additions.cpp
Variants append(const std::string& text, const std::string& addition);
Variants prepend(const std::string& text, const std::string& addition);
Variants strip(const std::string& text, const std::string& ending);  // where the text ends so
enum class SentencePlace { after, before };
// As a sentence of its own: the text gets a full stop where it ends in no punctuation.
Variants add_sentence(const std::string& text, const std::string& sentence, SentencePlace place);
// A random https://t.co/… or @… before or after the text.
Variants add_random_url_handle(const std::string& text, int64_t count, core::Random& random);

// perturb_entities.cpp
enum class NamePart { both, first, last };
// Persons with a first name of our lists, alone or with a last name of our lists: another name of the same
// list. Whoever has an unknown last name stays.
Variants change_names(const std::string& text, NamePart part, int64_t count, core::Random& random);
Variants change_locations(const std::string& text, int64_t count, core::Random& random);  // cities, countries
// Whole numbers x but 2 and 4 become x + t, t uniform in [−min(c, x − 1), c] without 0, c = ⌊0.2 x⌋ + 1.
Variants change_numbers(const std::string& text, int64_t count, core::Random& random);

// perturb_grammar.cpp
Variants contract(const std::string& text);
Variants expand_contractions(const std::string& text);
Variants contractions(const std::string& text);  // both
Variants negate(const std::string& text);
Variants remove_negation(const std::string& text);
Variants change_pronouns(const std::string& text);  // he ↔ she, his ↔ her, …; all of the text
// swap_args.cpp
// "Mary saw John." → "John saw Mary." Both must be people, groups or animals, or be compared.
Variants swap_args(const std::string& text);
Variants active_passive(const std::string& text);  // "Mary saw John." ↔ "John was seen by Mary."

// perturb_words.cpp: one word becomes one that WordNet relates to it and that suits the text (suggest.h).
Variants swap_words(const std::string& text, WordRelation relation, int64_t count, core::Random& random);

// perturb_command.cpp: a shell command that gets the text on a line and prints a JSON list of texts.
Variants run_command(const std::string& text, const std::string& command);

}  // namespace lathe::evaluate::checklist
