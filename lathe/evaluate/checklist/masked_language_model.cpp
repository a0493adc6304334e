#include "lathe/evaluate/checklist/masked_language_model.h"

#include <algorithm>
#include <utility>

namespace lathe::evaluate::checklist {

MaskedLanguageModel::MaskedLanguageModel(std::vector<std::string> words) : words_(std::move(words)) {
  for (size_t i = 0; i < words_.size(); ++i) indices_.emplace(words_[i], i);
}

std::optional<size_t> MaskedLanguageModel::index_of(const std::string& word) const {
  const auto found = indices_.find(word);
  return found == indices_.end() ? std::nullopt : std::optional(found->second);
}

bool is_fill(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace lathe::evaluate::checklist
