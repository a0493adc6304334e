#pragma once
#include <charconv>
#include <string>
#include <string_view>

namespace lathe::compile {

// What is left to read of one line of a graph's text. Spaces between tokens do not count. Refusals are
// InputErrors of one line that begin with the line's number.
class TextLine {
 public:
  TextLine(std::string_view text, int number) : rest_(text), number_(number) {}

  [[noreturn]] void expected(std::string_view what);  // "line 3: expected WHAT, found '…'"
  [[noreturn]] void wrong(std::string_view what);     // "line 3: WHAT", the first line of it

  bool at_end() { return peek() == '\0' && rest_.empty(); }
  char peek();                             // the next character; 0 at the end
  bool takes(std::string_view token);      // takes it if it comes next
  bool takes_word(std::string_view word);  // the same, for a whole word
  void want(std::string_view token);

  std::string_view word(std::string_view what);    // letters, digits, '_' and '.'
  std::string_view number(std::string_view what);  // the same and signs
  int64_t integer(int64_t least, int64_t most, std::string_view what);
  template <typename T>
  T real();
  std::string quoted();
  std::string comment();  // all that is left, after one space

 private:
  std::string_view characters(std::string_view what, std::string_view besides);
  char character();  // one, or what an escape stands for

  std::string_view rest_;
  int number_;
};

template <typename T>
T TextLine::real() {
  const std::string_view before = rest_, token = number("a number");
  T value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size()) rest_ = before, expected("a number");
  return value;
}

}  // namespace lathe::compile
