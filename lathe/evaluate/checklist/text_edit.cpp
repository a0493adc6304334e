#include "lathe/evaluate/checklist/text_edit.h"

namespace lathe::evaluate::checklist {

std::string apply_edits(const std::string& text, const std::vector<TextEdit>& edits) {
  std::string result;
  size_t at = 0;
  for (const TextEdit& edit : edits) {
    result.append(text, at, edit.begin - at);
    result += edit.text;
    at = edit.end;
  }
  return result.append(text, at, text.npos);
}

size_t offset_of(const std::string& text, std::string_view part) {
  return static_cast<size_t>(part.data() - text.data());
}

TextEdit replacement(const std::string& text, std::string_view part, std::string with) {
  const size_t begin = offset_of(text, part);
  return {begin, begin + part.size(), std::move(with)};
}

bool is_capitalized(std::string_view word) {
  return !word.empty() && word[0] >= 'A' && word[0] <= 'Z';
}

std::string capitalized(std::string word) {
  if (!word.empty() && word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 'a' + 'A');
  return word;
}

std::string with_case_of(std::string word, std::string_view model) {
  return is_capitalized(model) ? capitalized(std::move(word)) : word;
}

std::string with_plain_apostrophes(std::string text) {
  for (size_t at = text.find("\u2019"); at != text.npos; at = text.find("\u2019", at))
    text.replace(at, 3, "'");
  return text;
}

std::string_view joined_tokens(const std::vector<std::string_view>& tokens, size_t at, size_t count) {
  if (count == 0 || at + count > tokens.size()) return {};
  for (size_t i = at + 1; i < at + count; ++i) {
    const std::string_view before = tokens[i - 1];
    if (tokens[i].data() != before.data() + before.size() + 1 || before.data()[before.size()] != ' ')
      return {};
  }
  const std::string_view last = tokens[at + count - 1];
  return {tokens[at].data(), static_cast<size_t>(last.data() + last.size() - tokens[at].data())};
}

}  // namespace lathe::evaluate::checklist
