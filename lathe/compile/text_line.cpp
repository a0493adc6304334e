#include "lathe/compile/text_line.h"

#include <cctype>

#include "lathe/core/error.h"
#include "lathe/core/printable.h"

namespace lathe::compile {
namespace {

constexpr size_t kShown = 24;  // characters of what was found

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}

}  // namespace

void TextLine::expected(std::string_view what) {
  peek();
  const std::string_view found = rest_.substr(0, kShown);
  throw InputError("line {}: expected {}, found {}", number_, what,
                   found.empty() ? "the end of the line" : "'" + core::printable(found) + "'");
}

void TextLine::wrong(std::string_view what) {
  throw InputError("line {}: {}", number_, core::printable(what.substr(0, what.find('\n'))));
}

char TextLine::peek() {
  while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\r')) rest_.remove_prefix(1);
  return rest_.empty() ? '\0' : rest_[0];
}

bool TextLine::takes(std::string_view token) {
  peek();
  if (rest_.substr(0, token.size()) != token) return false;
  rest_.remove_prefix(token.size());
  return true;
}

bool TextLine::takes_word(std::string_view word) {
  peek();
  const bool here =
      rest_.substr(0, word.size()) == word && (rest_.size() == word.size() || !is_word(rest_[word.size()]));
  if (here) rest_.remove_prefix(word.size());
  return here;
}

void TextLine::want(std::string_view token) {
  if (!takes(token)) expected("'" + std::string(token) + "'");
}

std::string_view TextLine::characters(std::string_view what, std::string_view besides) {
  peek();
  size_t length = 0;
  while (length < rest_.size() &&
         (is_word(rest_[length]) || besides.find(rest_[length]) != std::string_view::npos))
    ++length;
  if (length == 0) expected(what);
  const std::string_view found = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return found;
}

std::string_view TextLine::word(std::string_view what) {
  return characters(what, "");
}
std::string_view TextLine::number(std::string_view what) {
  return characters(what, "+-");
}

int64_t TextLine::integer(int64_t least, int64_t most, std::string_view what) {
  const std::string_view before = rest_, token = number(what);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size() || value < least || value > most)
    rest_ = before, expected(fmt::format("{} from {} to {}", what, least, most));
  return value;
}

std::string TextLine::quoted() {
  want("\"");
  std::string text;
  while (true) {
    if (rest_.empty()) expected("a closing '\"'");
    if (rest_[0] == '"') break;
    text += character();
  }
  rest_.remove_prefix(1);
  return text;
}

std::string TextLine::comment() {
  if (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
  std::string text;
  while (!rest_.empty()) text += character();
  return text;
}

char TextLine::character() {
  char c = rest_[0];
  rest_.remove_prefix(1);
  if (c != '\\') return c;
  if (rest_.empty()) expected("a character after '\\'");
  c = rest_[0];
  rest_.remove_prefix(1);
  if (c != 'x') return c;
  unsigned code = 0;
  const std::string_view digits = rest_.substr(0, 2);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
  if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2)
    expected("two hexadecimal digits after '\\x'");
  rest_.remove_prefix(2);
  return static_cast<char>(code);
}

}  // namespace lathe::compile
