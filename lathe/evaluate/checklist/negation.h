#pragma once
#include <optional>
#include <string>

namespace lathe::evaluate::checklist {

// The negation of a text of one sentence, by rules: after a form of be "not" is inserted; can, do, could,
// would, will, have and should get "n't", may, might, must and shall "not"; any other verb gets don't,
// doesn't or didn't and its base form. Questions ("Don't you like it?") and commands ("Don't go.") too.
// Nothing where a rule might be wrong: for questions with how, the verbs thank and use, negative words,
// fragments, more than one sentence or main clause, verbs whose tense is open ("They put it down"), and what
// can be read in several ways.
std::optional<std::string> negated(const std::string& text);

// The other way round: "She doesn't like it." → "She likes it.", "He never eats." → "He eats." Nothing where
// there is no or more than one negative word, or where it is not one of the verb ("no money").
std::optional<std::string> without_negation(const std::string& text);

}  // namespace lathe::evaluate::checklist
