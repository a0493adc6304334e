#include "lathe/evaluate/checklist/article.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace lathe::evaluate::checklist {
namespace {

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

bool begins_with(std::string_view word, std::string_view prefix) {
  return word.substr(0, prefix.size()) == prefix;
}

bool contains(std::string_view letters, char c) {
  return letters.find(c) != letters.npos;
}

// Eight, eleven and eighteen begin with a vowel, also as thousands and millions.
std::string_view article_of_number(std::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const bool long_eleven = (begins_with(text, "11") || begins_with(text, "18")) && digits % 3 == 2;
  return text[0] == '8' || long_eleven ? "an" : "a";
}

// Words that are spoken with another first sound than they are written.
constexpr std::array<std::string_view, 4> kSilentH = {"hour", "honest", "hono", "heir"};
constexpr std::array<std::string_view, 19> kSpokenYouOrWon = {
    "use",  "usa",     "usu",    "eu",  "ewe", "ubiq",   "ute",   "uti",  "uto",  "uran",
    "urin", "uruguay", "uganda", "ukr", "uku", "unanim", "ouija", "once", "uvula"};

std::string_view article_of_word(std::string_view word) {
  const auto begins = [&](std::string_view prefix) { return begins_with(word, prefix); };
  if (std::any_of(kSilentH.begin(), kSilentH.end(), begins)) return "an";
  if (std::any_of(kSpokenYouOrWon.begin(), kSpokenYouOrWon.end(), begins)) return "a";
  if (begins("one") && (word.size() == 3 || word == "ones" || word == "oneself")) return "a";
  // University, union, unique; but unimportant, uninteresting, unidentified: there "un" is a prefix.
  if (begins("uni")) return word.size() > 3 && contains("mnd", word[3]) ? "an" : "a";
  return contains("aeio", word[0]) || word[0] == 'u' ? "an" : "a";
}

}  // namespace

std::string article_of(std::string_view text) {
  while (!text.empty() && (text[0] == '"' || text[0] == '\'' || text[0] == '(')) text.remove_prefix(1);
  if (text.empty()) return "a";
  if (is_digit(text[0])) return std::string(article_of_number(text));
  size_t length = 0;
  while (length < text.size() && is_letter(text[length])) ++length;
  if (length == 0) return "a";
  std::string word(text.substr(0, length));
  const bool capitals = std::all_of(word.begin(), word.end(),
                                    [](char c) { return std::isupper(static_cast<unsigned char>(c)); });
  // Short abbreviations and those without a vowel are read letter by letter: an FBI agent, a UN report.
  const bool spelled = capitals && (length <= 3 || word.find_first_of("AEIOU") == word.npos);
  if (spelled) return contains("AEFHILMNORSX", word[0]) ? "an" : "a";
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::string(article_of_word(word));
}

}  // namespace lathe::evaluate::checklist
