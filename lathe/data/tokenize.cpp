#include "lathe/data/tokenize.h"

#include <algorithm>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) > 127;
}

size_t word_end(std::string_view text, size_t at) {
  while (at < text.size()) {
    const bool joins = (text[at] == '\'' || text[at] == '-') && at + 1 < text.size() && in_word(text[at + 1]);
    if (!in_word(text[at]) && !joins) break;
    ++at;
  }
  return at;
}

}  // namespace

Sentence tokenize(std::string_view text) {
  Sentence tokens;
  for (size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      ++at;
      continue;
    }
    const size_t end = in_word(text[at]) ? word_end(text, at) : at + 1;
    std::string token(text.substr(at, end - at));
    for (char& c : token)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    tokens.push_back(std::move(token));
    at = end;
  }
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
  for (auto& [count, word] : order) {
    numbers_[word] = size();
    words_.push_back(std::move(word));
  }
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
