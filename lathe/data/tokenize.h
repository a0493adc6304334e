#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// Text as words, and words as numbers.
namespace lathe::data {

using Sentence = std::vector<std::string>;

// Words in lower case, and punctuation. A word is a run of ASCII letters, digits and bytes above 127 (so
// UTF-8 stays whole, its case as it was), with single apostrophes and hyphens inside: "mother's",
// "up-to-date". Every other character that is not white space is a token of its own.
Sentence tokenize(std::string_view text);

// Numbers that every vocabulary begins with.
inline constexpr int64_t kPadding = 0, kUnknown = 1, kBegin = 2, kEnd = 3, kNumSpecialWords = 4;

// Words by number: the special ones, then the most frequent words of a text, equally frequent ones in
// alphabetical order.
class Vocabulary {
 public:
  // At most max_words besides the special ones; 0: all.
  explicit Vocabulary(const std::vector<Sentence>& text, int64_t max_words = 0);
  int64_t size() const { return static_cast<int64_t>(words_.size()); }
  int64_t number(const std::string& word) const;  // kUnknown where it has none
  bool has(const std::string& word) const { return numbers_.count(word) > 0; }
  const std::string& word(int64_t number) const;  // throws Error outside [0, size)

 private:
  std::vector<std::string> words_;
  std::unordered_map<std::string, int64_t> numbers_;
};

}  // namespace lathe::data
