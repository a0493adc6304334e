#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::data {

// Random sentences from productions: "{noun}" in a text is replaced by one of noun's productions, drawn
// uniformly, whose own slots are replaced in turn. "{person 1}" keeps what was drawn for it until the next
// sentence, and differs from "{person 2}".
class Grammar {
 public:
  // Throws Error for a slot without productions, and for productions that never end.
  explicit Grammar(std::map<std::string, std::vector<std::string>> productions);
  // Texts that belong together share their numbered slots. Throws Error for a slot that is not in the
  // grammar, or a number beyond its productions.
  std::vector<std::string> draw_all(const std::vector<std::string>& texts, core::Random& random) const;
  std::string draw(const std::string& text, core::Random& random) const;
  const std::vector<std::string>& productions(const std::string& name) const;

 private:
  struct Sentence;
  std::string expand(std::string_view text, Sentence& sentence) const;
  std::map<std::string, std::vector<std::string>> productions_;
};

// The text with its first letter in upper case (ASCII).
std::string capitalized(std::string text);

}  // namespace lathe::data
