#pragma once
#include <string>
#include <string_view>
#include <vector>

// What rules that change texts share.
namespace lathe::evaluate::checklist {

struct TextEdit {
  size_t begin = 0, end = 0;  // bytes [begin, end) become `text`
  std::string text;
};
std::string apply_edits(const std::string& text, const std::vector<TextEdit>& edits);  // ascending, apart

// Where a view into the text begins.
size_t offset_of(const std::string& text, std::string_view part);
TextEdit replacement(const std::string& text, std::string_view part, std::string with);

bool is_capitalized(std::string_view word);                          // begins with A … Z
std::string capitalized(std::string word);                           // only a … z
std::string with_case_of(std::string word, std::string_view model);  // capitalised where the model is
std::string with_plain_apostrophes(std::string text);                // ' for U+2019

// The tokens [at, at + count) as they stand in their text, where there is one space between two; ""
// otherwise.
std::string_view joined_tokens(const std::vector<std::string_view>& tokens, size_t at, size_t count);

}  // namespace lathe::evaluate::checklist
