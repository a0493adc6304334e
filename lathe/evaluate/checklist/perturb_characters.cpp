#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "lathe/data/tokenize.h"
#include "lathe/evaluate/checklist/perturbations.h"

namespace lathe::evaluate::checklist {
namespace {

using Views = std::vector<std::string_view>;

std::string joined(const Views& pieces) {
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

// Draws variants until there are `count` different ones, or as many draws were in vain.
template <typename Draw>
Variants distinct(const std::string& text, int64_t count, Draw draw) {
  constexpr int64_t kMostVainDraws = 20;
  Variants variants;
  for (int64_t vain = 0; vain < kMostVainDraws && static_cast<int64_t>(variants.size()) < count;) {
    Variant variant = draw();
    const bool known =
        variant.text == text || std::any_of(variants.begin(), variants.end(),
                                            [&](const Variant& v) { return v.text == variant.text; });
    if (known)
      ++vain;
    else
      variants.push_back(std::move(variant));
  }
  return variants;
}

std::string swapped(const std::string& text, int64_t swaps, core::Random& random) {
  Views pieces = data::graphemes(text);
  for (int64_t i = 0; i < swaps; ++i) {
    std::vector<size_t> places;
    for (size_t at = 0; at + 1 < pieces.size(); ++at)
      if (pieces[at] != pieces[at + 1]) places.push_back(at);
    if (places.empty()) break;
    const size_t at = places[static_cast<size_t>(random.below(static_cast<int64_t>(places.size())))];
    std::swap(pieces[at], pieces[at + 1]);
  }
  return joined(pieces);
}

std::string_view keyboard_neighbors(char letter) {
  static constexpr std::string_view rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
  static constexpr std::string_view neighbors[] = {
      "wa",   "qes",  "wrd",  "etf",  "ryg", "tuh", "yij", "uok",  "ipl",  "ol",   "qsz",  "wadx", "esfc",
      "rdgv", "tfhb", "ygjn", "uhkm", "ijl", "okp", "asx", "szdc", "dxvf", "fcbg", "gvnh", "hbmj", "jnk"};
  size_t key = 0;
  for (const std::string_view row : rows) {
    if (const size_t at = row.find(letter); at != row.npos) return neighbors[key + at];
    key += row.size();
  }
  return "";
}

bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string mistyped(std::string text, int64_t letters, core::Random& random) {
  std::vector<size_t> places;
  for (size_t at = 0; at < text.size(); ++at)
    if (is_ascii_letter(text[at])) places.push_back(at);
  random.shuffle(places);
  if (static_cast<int64_t>(places.size()) > letters) places.resize(static_cast<size_t>(letters));
  constexpr char kCase = 'a' - 'A';
  for (const size_t at : places) {
    const bool upper = text[at] <= 'Z';
    const std::string_view near = keyboard_neighbors(static_cast<char>(text[at] + (upper ? kCase : 0)));
    const char letter = near[static_cast<size_t>(random.below(static_cast<int64_t>(near.size())))];
    text[at] = static_cast<char>(letter - (upper ? kCase : 0));
  }
  return text;
}

bool is_punctuation(std::string_view token) {
  UChar32 c = 0;
  int32_t at = 0;
  U8_NEXT(token.data(), at, static_cast<int32_t>(token.size()), c);
  return c >= 0 && u_ispunct(c) != 0;
}

}  // namespace

Variants typos(const std::string& text, int64_t swaps, int64_t count, core::Random& random) {
  return distinct(text, count, [&] { return Variant{swapped(text, swaps, random), "", ""}; });
}

Variants keyboard_typos(const std::string& text, int64_t letters, int64_t count, core::Random& random) {
  return distinct(text, count, [&] { return Variant{mistyped(text, letters, random), "", ""}; });
}

Variants punctuation(const std::string& text) {
  size_t end = 0;
  for (const std::string_view token : data::token_views(text))
    if (!is_punctuation(token)) end = static_cast<size_t>(token.data() + token.size() - text.data());
  if (end == 0) return {};
  const std::string stripped = text.substr(0, end), ending = text.substr(end);
  Variants variants;
  if (stripped != text) variants.push_back({stripped, ending, ""});
  if (stripped + "." != text) variants.push_back({stripped + ".", ending, "."});
  return variants;
}

Variants lowercase(const std::string& text) {
  return {{data::lower_case(text), "", ""}};
}

Variants uppercase(const std::string& text) {
  std::string upper;
  icu::UnicodeString::fromUTF8(text).toUpper(icu::Locale::getRoot()).toUTF8String(upper);
  return {{upper, "", ""}};
}

}  // namespace lathe::evaluate::checklist
