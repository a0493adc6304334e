#include <algorithm>

#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/perturbations.h"
#include "lathe/evaluate/checklist/text_edit.h"

namespace lathe::evaluate::checklist {
namespace {

std::string random_letters(int64_t length, core::Random& random) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string letters;
  for (int64_t i = 0; i < length; ++i)
    letters += alphabet[static_cast<size_t>(random.below(static_cast<int64_t>(alphabet.size())))];
  return letters;
}

bool ends_in_punctuation(std::string_view text) {
  static constexpr std::string_view ends = ".!?:;,\"')";
  return !text.empty() && ends.find(text.back()) != ends.npos;
}

std::string as_sentence(std::string_view text) {
  const std::string sentence(data::trim(text));
  return sentence.empty() || ends_in_punctuation(sentence) ? sentence : sentence + ".";
}

}  // namespace

Variants append(const std::string& text, const std::string& addition) {
  return {{text + addition, "", addition}};
}

Variants prepend(const std::string& text, const std::string& addition) {
  return {{addition + text, "", addition}};
}

Variants strip(const std::string& text, const std::string& ending) {
  const bool ends_so =
      text.size() >= ending.size() && text.compare(text.size() - ending.size(), text.npos, ending) == 0;
  if (!ends_so) return {};
  return {{text.substr(0, text.size() - ending.size()), ending, ""}};
}

Variants add_sentence(const std::string& text, const std::string& sentence, SentencePlace place) {
  const std::string added = as_sentence(sentence);
  if (data::trim(text).empty()) return {};
  if (place == SentencePlace::before) return {{added + " " + text, "", added}};
  return {{as_sentence(text) + " " + added, "", added}};
}

Variants add_random_url_handle(const std::string& text, int64_t count, core::Random& random) {
  constexpr int64_t kLetters = 7;
  Variants variants;
  for (int64_t i = 0; i < count; ++i) {
    const std::string added = (i % 2 == 0 ? "https://t.co/" : "@") + random_letters(kLetters, random);
    variants.push_back({i / 2 % 2 == 0 ? added + " " + text : text + " " + added, "", added});
  }
  return variants;
}

}  // namespace lathe::evaluate::checklist
