#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

// Word lists that templates can name without defining them: names, places, languages, jobs, sentiment words,
// and the adjectives of fairness tests. docs/language.md has the table of names, sizes and sources.
namespace lathe::evaluate::checklist {

using Lexicon = std::vector<nlohmann::json>;  // an entry: a text, a record of texts {..}, or a tuple [..]

// The list of that name, in a fixed order without duplicates; nothing where there is none. Three names are
// open: country_LOCALE and language_LOCALE are "country" and "language" in another language (country_fr,
// language_pt_BR, a hundred locales of iso-codes), below_NOUN has the kinds of a noun in WordNet (below_dog:
// corgi, hunting dogs, …). Lists that come from a Debian package throw InputError that names the package
// where it is missing.
std::optional<Lexicon> builtin_lexicon(const std::string& name);
std::vector<std::string> builtin_lexicon_names();  // in alphabetical order

}  // namespace lathe::evaluate::checklist
