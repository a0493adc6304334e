#include "lathe/data/ngram_features.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/data/tokenize.h"

namespace lathe::data {
namespace {

constexpr int64_t kTextsAtOnce = 64;

// In lower case, any run of white space one space.
std::string normalised(std::string_view text) {
  std::string result;
  for (const char c : lower_case(text)) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space)
      result += c;
    else if (!result.empty() && result.back() != ' ')
      result += ' ';
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

void for_each_ngram(std::string_view text, int64_t longest,
                    const std::function<void(std::string_view)>& use) {
  const std::vector<std::string_view> characters = graphemes(text);
  for (size_t first = 0; first < characters.size(); ++first) {
    size_t length = 0;
    for (size_t i = first; i < characters.size() && i < first + static_cast<size_t>(longest); ++i) {
      length += characters[i].size();
      use({characters[first].data(), length});
    }
  }
}

}  // namespace

NgramFeatures::NgramFeatures(const std::vector<std::string>& training_texts,
                             const NgramFeatureOptions& options)
    : longest_(options.longest) {
  if (options.longest < 1 || options.num_features < 1)
    throw InputError("n-gram features: longest and num_features must be positive, got {} and {}",
                     options.longest, options.num_features);
  struct Count {
    int64_t total = 0, texts = 0, last_text = -1;
  };
  std::unordered_map<std::string, Count> counts;
  for (size_t t = 0; t < training_texts.size(); ++t)
    for_each_ngram(normalised(training_texts[t]), longest_, [&](std::string_view ngram) {
      Count& count = counts[std::string(ngram)];
      ++count.total;
      if (count.last_text == static_cast<int64_t>(t)) return;
      count.last_text = static_cast<int64_t>(t);
      ++count.texts;
    });
  if (counts.empty()) throw InputError("n-gram features: the texts are empty");

  std::vector<std::pair<std::string, Count>> order(counts.begin(), counts.end());
  const size_t kept = std::min(order.size(), static_cast<size_t>(options.num_features));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                    [](const auto& a, const auto& b) {
                      return std::tuple(-a.second.total, std::string_view(a.first)) <
                             std::tuple(-b.second.total, std::string_view(b.first));
                    });
  ngrams_.reserve(kept);
  for (size_t i = 0; i < kept; ++i) {
    ngrams_.push_back(std::move(order[i].first));
    weights_.push_back(std::log((1.0 + static_cast<double>(training_texts.size())) /
                                (1.0 + static_cast<double>(order[i].second.texts))) +
                       1);
  }
  for (size_t i = 0; i < kept; ++i) numbers_.emplace(ngrams_[i], static_cast<int64_t>(i));
}

torch::Tensor NgramFeatures::operator()(const std::vector<std::string>& texts) const {
  const auto num_texts = static_cast<int64_t>(texts.size());
  torch::Tensor features = torch::zeros({num_texts, num_features()});
  auto* data = features.data_ptr<float>();
  core::parallel_for(num_texts, kTextsAtOnce, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* row = data + t * num_features();
      for_each_ngram(normalised(texts[static_cast<size_t>(t)]), longest_, [&](std::string_view ngram) {
        if (const auto found = numbers_.find(ngram); found != numbers_.end()) row[found->second] += 1;
      });
      double squares = 0;
      for (int64_t f = 0; f < num_features(); ++f) {
        row[f] *= static_cast<float>(weights_[static_cast<size_t>(f)]);
        squares += static_cast<double>(row[f]) * row[f];
      }
      const auto scale = static_cast<float>(squares > 0 ? 1 / std::sqrt(squares) : 0);
      for (int64_t f = 0; f < num_features(); ++f) row[f] *= scale;
    }
  });
  return features;
}

}  // namespace lathe::data
