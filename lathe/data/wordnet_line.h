#pragma once
#include <cstdint>
#include <string>
#include <string_view>

// The lines of WordNet's database files (wndb(5WN)).
namespace lathe::data {

// Where a field stands, for errors: "data.noun:12".
struct LineOrigin {
  const std::string& file;
  int64_t line = 0;
  std::string text() const;
};

// The fields of a line, one space between two. Throws InputError that says where and what was missing.
class LineFields {
 public:
  LineFields(std::string_view line, LineOrigin origin) : rest_(line), origin_(origin) {}
  std::string_view next(const char* what);
  int64_t number(const char* what, int base);  // 0 or more
  bool empty() const { return rest_.empty(); }
  const LineOrigin& origin() const { return origin_; }

 private:
  std::string_view rest_;
  LineOrigin origin_;
};

// A data line: offset, lexicographer file, type (n, v, a, s, r), count of words, words, pointers, '|', gloss.
struct SynsetHead {
  int64_t offset = 0;
  int64_t lexicographer_file = 0;
  std::string_view type;
};
struct SynsetLine {
  SynsetHead head;
  int64_t num_words = 0;
  LineFields rest;         // from the first word on
  std::string_view gloss;  // definition and examples as they stand
};
// Throws InputError for a line that begins otherwise. The type is not checked.
SynsetLine parse_synset_line(std::string_view line, LineOrigin origin);

// The next line of a file's text that is not of the licence (its lines begin with two spaces), and its
// origin.
class SynsetLines {
 public:
  SynsetLines(std::string_view text, const std::string& file) : text_(text), file_(file) {}
  bool next();  // false at the end
  std::string_view line() const { return line_; }
  LineOrigin origin() const { return {file_, number_}; }

 private:
  std::string_view text_, line_;
  const std::string& file_;
  size_t at_ = 0;
  int64_t number_ = 0;
};

}  // namespace lathe::data
