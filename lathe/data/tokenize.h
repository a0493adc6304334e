#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// Text as words, and words as numbers. Text is UTF-8; a byte that is none counts as a character of its own.
namespace lathe::data {

using Sentence = std::vector<std::string>;

// What a reader takes for one character: letters with their combining marks, whole emoji, flags (extended
// grapheme clusters of Unicode Standard Annex 29). Views into `text`, which they make up.
std::vector<std::string_view> graphemes(std::string_view text);

// Words and punctuation as they stand in the text, in its order, without the white space between them. A word
// is a run of letters, digits and combining marks, with single apostrophes and hyphens inside: "mother's",
// "up-to-date", "naïve". Scripts that put no spaces between words (Han, kana, Thai, Lao, Khmer, Burmese) are
// cut by ICU's dictionaries. Every other character is a token of its own, a whole emoji too.
std::vector<std::string_view> token_views(std::string_view text);

// In lower case and composed (NFC), by Unicode's rules for no language in particular.
std::string lower_case(std::string_view text);

// token_views() in lower case.
Sentence tokenize(std::string_view text);

// Numbers that every vocabulary begins with.
inline constexpr int64_t kPadding = 0, kUnknown = 1, kBegin = 2, kEnd = 3, kNumSpecialWords = 4;

// Words by number: the special ones, then the most frequent words of a text, equally frequent ones in
// alphabetical order.
class Vocabulary {
 public:
  // At most max_words besides the special ones; 0: all.
  explicit Vocabulary(const std::vector<Sentence>& text, int64_t max_words = 0);
  // These words after the special ones, in this order. Throws InputError for one that is there twice.
  static Vocabulary of_words(const std::vector<std::string>& words);
  int64_t size() const { return static_cast<int64_t>(words_.size()); }
  int64_t number(const std::string& word) const;  // kUnknown where it has none
  bool has(const std::string& word) const { return numbers_.count(word) > 0; }
  const std::string& word(int64_t number) const;  // throws Error outside [0, size)

 private:
  void add(std::string word);
  std::vector<std::string> words_;
  std::unordered_map<std::string, int64_t> numbers_;
};

}  // namespace lathe::data
