#include "lathe/data/tokenize.h"

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <memory>

#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

using Breaks = std::unique_ptr<icu::BreakIterator>;

void check(UErrorCode code, const char* what) {
  if (U_FAILURE(code)) throw Error("ICU cannot {}: {}", what, u_errorName(code));
}

Breaks make_breaks(icu::BreakIterator* (*make)(const icu::Locale&, UErrorCode&)) {
  UErrorCode code = U_ZERO_ERROR;
  Breaks breaks(make(icu::Locale::getRoot(), code));
  check(code, "find its rules for characters and words");
  return breaks;
}

icu::BreakIterator& grapheme_breaks() {
  thread_local const Breaks breaks = make_breaks(icu::BreakIterator::createCharacterInstance);
  return *breaks;
}

icu::BreakIterator& word_breaks() {
  thread_local const Breaks breaks = make_breaks(icu::BreakIterator::createWordInstance);
  return *breaks;
}

// The iterator looks at `text` until it is given another.
void set_text(icu::BreakIterator& breaks, std::string_view text) {
  UErrorCode code = U_ZERO_ERROR;
  UText* utext = utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &code);
  breaks.setText(utext, code);
  utext_close(utext);
  check(code, "read a text");
}

void append_segments(icu::BreakIterator& breaks, std::string_view text,
                     std::vector<std::string_view>& segments) {
  set_text(breaks, text);
  for (int32_t begin = 0, end; (end = breaks.next()) != icu::BreakIterator::DONE; begin = end)
    segments.push_back(text.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
}

// A code point and where it ends; negative for a byte that is not UTF-8.
struct CodePoint {
  UChar32 code;
  size_t end;
};

CodePoint code_point(std::string_view text, size_t at) {
  if (static_cast<unsigned char>(text[at]) < 128) return {text[at], at + 1};
  const size_t window = std::min<size_t>(4, text.size() - at);
  int32_t length = 0;
  UChar32 code = 0;
  U8_NEXT(text.data() + at, length, static_cast<int32_t>(window), code);
  return {code, at + (code < 0 ? 1 : static_cast<size_t>(length))};
}

bool is_space(UChar32 c) {
  if (c < 128) return c == ' ' || (c >= '\t' && c <= '\r');
  constexpr UChar32 kZeroWidthSpace = 0x200b, kByteOrderMark = 0xfeff;
  return u_isUWhiteSpace(c) || c == kZeroWidthSpace || c == kByteOrderMark;
}

bool begins_word(UChar32 c) {
  if (c < 0) return false;
  if (c < 128) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return (U_MASK(u_charType(c)) & (U_GC_L_MASK | U_GC_N_MASK)) != 0;
}

bool in_word(UChar32 c) {
  constexpr UChar32 kSoftHyphen = 0xad, kNonJoiner = 0x200c, kJoiner = 0x200d;
  if (begins_word(c)) return true;
  if (c < 128) return false;
  return (U_MASK(u_charType(c)) & U_GC_M_MASK) != 0 || c == kNonJoiner || c == kJoiner || c == kSoftHyphen;
}

bool joins_words(UChar32 c) {
  constexpr UChar32 kRightQuote = 0x2019, kHyphen = 0x2010;
  return c == '\'' || c == '-' || c == kRightQuote || c == kHyphen;
}

bool without_spaces(UChar32 c) {
  if (c < 128) return false;
  UErrorCode code = U_ZERO_ERROR;
  switch (uscript_getScript(c, &code)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR:
      return true;
    default:
      return false;
  }
}

struct Word {
  size_t end;
  bool without_spaces = false;  // some of it is in a script that needs a dictionary
};

Word word_at(std::string_view text, size_t at) {
  Word word{at};
  while (word.end < text.size()) {
    const CodePoint next = code_point(text, word.end);
    const bool joins =
        joins_words(next.code) && next.end < text.size() && begins_word(code_point(text, next.end).code);
    if (!in_word(next.code) && !joins) break;
    word.without_spaces = word.without_spaces || without_spaces(next.code);
    word.end = next.end;
  }
  return word;
}

// A character that is no word's, with the marks that belong to it.
size_t symbol_end(std::string_view text, const CodePoint& symbol) {
  if (symbol.end == text.size() || is_ascii(text.substr(symbol.end - 1, 2))) return symbol.end;
  if (symbol.code < 0) return symbol.end;
  const size_t begin = symbol.end - static_cast<size_t>(U8_LENGTH(symbol.code));
  icu::BreakIterator& breaks = grapheme_breaks();
  set_text(breaks, text.substr(begin));
  return begin + static_cast<size_t>(breaks.next());
}

// Not UTF-8: replaced by U+FFFD.
std::string unicode_lower_case(std::string_view text) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* composed = icu::Normalizer2::getNFCInstance(code);
  check(code, "find its table of composed letters");
  const auto lower = icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())})
                         .toLower(icu::Locale::getRoot());
  std::string result;
  composed->normalize(lower, code).toUTF8String(result);
  check(code, "compose a text's letters");
  return result;
}

}  // namespace

std::vector<std::string_view> graphemes(std::string_view text) {
  std::vector<std::string_view> characters;
  if (is_ascii(text) && text.find('\r') == text.npos) {
    for (size_t at = 0; at < text.size(); ++at) characters.push_back(text.substr(at, 1));
  } else {
    append_segments(grapheme_breaks(), text, characters);
  }
  return characters;
}

std::vector<std::string_view> token_views(std::string_view text) {
  std::vector<std::string_view> tokens;
  for (size_t at = 0; at < text.size();) {
    const CodePoint first = code_point(text, at);
    size_t end = first.end;
    if (begins_word(first.code)) {
      const Word word = word_at(text, at);
      end = word.end;
      if (word.without_spaces)
        append_segments(word_breaks(), text.substr(at, end - at), tokens);
      else
        tokens.push_back(text.substr(at, end - at));
    } else if (!is_space(first.code)) {
      end = symbol_end(text, first);
      tokens.push_back(text.substr(at, end - at));
    }
    at = end;
  }
  return tokens;
}

std::string lower_case(std::string_view text) {
  if (!is_ascii(text)) return unicode_lower_case(text);
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

Sentence tokenize(std::string_view text) {
  Sentence tokens;
  for (const std::string_view token : token_views(text)) tokens.push_back(lower_case(token));
  return tokens;
}

Vocabulary::Vocabulary(const std::vector<Sentence>& text, int64_t max_words)
    : words_{"<pad>", "<unknown>", "<begin>", "<end>"} {
  if (max_words < 0) throw InputError("a vocabulary cannot have {} words", max_words);
  std::unordered_map<std::string, int64_t> counts;
  for (const Sentence& sentence : text)
    for (const std::string& word : sentence) ++counts[word];
  std::vector<std::pair<int64_t, std::string>> order;
  for (const auto& [word, count] : counts) order.emplace_back(-count, word);
  std::sort(order.begin(), order.end());
  if (max_words > 0) order.resize(std::min(order.size(), static_cast<size_t>(max_words)));
  for (auto& [count, word] : order) add(std::move(word));
}

Vocabulary Vocabulary::of_words(const std::vector<std::string>& words) {
  Vocabulary vocabulary(std::vector<Sentence>{});
  for (const std::string& word : words) {
    if (vocabulary.has(word)) throw InputError("a vocabulary has the word '{}' twice", excerpt(word));
    vocabulary.add(word);
  }
  return vocabulary;
}

void Vocabulary::add(std::string word) {
  numbers_.emplace(word, size());
  words_.push_back(std::move(word));
}

int64_t Vocabulary::number(const std::string& word) const {
  const auto found = numbers_.find(word);
  return found == numbers_.end() ? kUnknown : found->second;
}

const std::string& Vocabulary::word(int64_t number) const {
  if (number < 0 || number >= size()) throw Error("there is no word {} among {}", number, size());
  return words_[static_cast<size_t>(number)];
}

}  // namespace lathe::data
