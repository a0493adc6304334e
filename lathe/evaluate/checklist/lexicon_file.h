#pragma once
#include <filesystem>

#include "lathe/evaluate/checklist/editor.h"

namespace lathe::evaluate::checklist {

// The lexicons of a file:
//   .json  {"city": ["Rome", …], …}, or a list, which is called as the file
//   .toml  city = ["Rome", …]
//   .csv   called as the file; one column: texts, several: records with the columns' names as fields
// Throws InputError for other files, entries that are neither text, number, record nor tuple, and names that
// check_lexicon_name refuses.
Lexicons read_lexicons(const std::filesystem::path& file);

// Entries from a JSON value; `where` is for errors.
Lexicon to_lexicon(const nlohmann::json& value, const std::string& where);

}  // namespace lathe::evaluate::checklist
