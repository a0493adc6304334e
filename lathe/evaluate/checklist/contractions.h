#pragma once
#include <optional>
#include <string>

namespace lathe::evaluate::checklist {

// "I am not sure what is in it." → "I'm not sure what's in it.": about 70 pairs of words. Only before a space
// and another word, so that "I know who he is." stays; "have" only before a participle ("I have to go"
// stays). Nothing where there is nothing to contract.
std::optional<std::string> contracted(const std::string& text);

// The other way round. 's is "is" unless a participle follows ("he's gone": is or has), 'd is "would" before
// a base form and "had" before a participle. Nothing where nothing is contracted, and where one of the
// contractions is ambiguous ("he's finished", "I'd put", "ain't") or comes before its subject ("isn't he").
std::optional<std::string> expanded(const std::string& text);

}  // namespace lathe::evaluate::checklist
