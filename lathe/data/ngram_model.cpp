#include "lathe/data/ngram_model.h"

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"

namespace lathe::data {
namespace {

constexpr int kBits = 16;  // of a word's number in an n-gram
constexpr uint64_t kWordMask = (uint64_t{1} << kBits) - 1;

uint64_t ngram_of(const int32_t* words, int64_t length) {
  uint64_t key = 0;
  for (int64_t i = 0; i < length; ++i) key = key << kBits | static_cast<uint64_t>(words[i]);
  return key;
}

// Chen & Goodman, equation 16; half where the text is too small to tell.
double discount_of(const std::vector<uint32_t>& counts) {
  const auto once = static_cast<double>(std::count(counts.begin(), counts.end(), 1u));
  const auto twice = static_cast<double>(std::count(counts.begin(), counts.end(), 2u));
  return once == 0 || twice == 0 ? 0.5 : once / (once + 2 * twice);
}

}  // namespace

NgramModel::Order NgramModel::make_order(std::vector<uint64_t> occurrences) {
  std::sort(occurrences.begin(), occurrences.end());
  Order order;
  for (size_t at = 0; at < occurrences.size();) {
    size_t end = at;
    while (end < occurrences.size() && occurrences[end] == occurrences[at]) ++end;
    const uint64_t context = occurrences[at] >> kBits;
    if (order.contexts.empty() || order.contexts.back() != context) {
      order.contexts.push_back(context);
      order.begins.push_back(static_cast<uint32_t>(order.ngrams.size()));
      order.totals.push_back(0);
    }
    order.ngrams.push_back(occurrences[at]);
    order.counts.push_back(static_cast<uint32_t>(end - at));
    order.totals.back() += end - at;
    at = end;
  }
  order.begins.push_back(static_cast<uint32_t>(order.ngrams.size()));
  order.discount = discount_of(order.counts);
  return order;
}

NgramModel::NgramModel(const std::vector<WordNumbers>& sentences, int64_t num_words, NgramOptions options) {
  if (options.order < 1 || options.order > kMostOrder)
    throw InputError("the order of an n-gram model is 1 to {}, got {}", kMostOrder, options.order);
  if (num_words <= kNumSpecialWords || num_words > kMostWords)
    throw InputError("an n-gram model has {} to {} words, got {}", kNumSpecialWords + 1, kMostWords,
                     num_words);
  if (sentences.empty()) throw InputError("an n-gram model needs a sentence or more");
  const size_t before = static_cast<size_t>(options.order) - 1;
  std::vector<uint64_t> occurrences;
  for (const WordNumbers& sentence : sentences) {
    WordNumbers words(before, static_cast<int32_t>(kBegin));
    for (const int32_t word : sentence) {
      if (word < 0 || word >= num_words || word == kBegin || word == kPadding)
        throw InputError("a sentence has word {}, which none of {} words is", word, num_words);
      words.push_back(word);
    }
    words.push_back(static_cast<int32_t>(kEnd));
    for (size_t i = before; i < words.size(); ++i)
      occurrences.push_back(ngram_of(words.data() + i - before, options.order));
  }
  orders_.resize(static_cast<size_t>(options.order));
  for (int64_t order = options.order; order >= 1; --order) {
    Order& made = orders_[static_cast<size_t>(order - 1)] = make_order(std::move(occurrences));
    // Each different n-gram is one occurrence of what is left of it without its first word.
    const uint64_t suffix = order == 1 ? 0 : (uint64_t{1} << kBits * (order - 1)) - 1;
    occurrences.clear();
    for (const uint64_t ngram : made.ngrams) occurrences.push_back(ngram & suffix);
  }
  const Order& words = orders_.front();
  const auto total = static_cast<double>(words.totals.front());
  const double left = words.discount * static_cast<double>(words.ngrams.size()) / total;
  unigram_.assign(static_cast<size_t>(num_words),
                  static_cast<float>(left / static_cast<double>(num_words - 2)));
  unigram_[kPadding] = unigram_[kBegin] = 0;
  for (size_t i = 0; i < words.ngrams.size(); ++i)
    unigram_[words.ngrams[i]] += static_cast<float>((words.counts[i] - words.discount) / total);
}

int64_t NgramModel::find_context(const WordNumbers& context, size_t length) const {
  const uint64_t key = ngram_of(context.data() + context.size() - length, static_cast<int64_t>(length));
  const std::vector<uint64_t>& contexts = orders_[length].contexts;
  const auto found = std::lower_bound(contexts.begin(), contexts.end(), key);
  return found == contexts.end() || *found != key ? -1 : found - contexts.begin();
}

std::vector<float> NgramModel::probabilities(const WordNumbers& context) const {
  std::vector<float> probabilities = unigram_;
  for (size_t length = 1; length < orders_.size() && length <= context.size(); ++length) {
    const int64_t at = find_context(context, length);
    if (at < 0) break;  // no longer one is known either
    const Order& order = orders_[length];
    const uint32_t begin = order.begins[at], end = order.begins[at + 1];
    const auto total = static_cast<double>(order.totals[at]);
    const auto left = static_cast<float>(order.discount * (end - begin) / total);
    for (float& p : probabilities) p *= left;
    for (uint32_t i = begin; i < end; ++i)
      probabilities[order.ngrams[i] & kWordMask] +=
          static_cast<float>((order.counts[i] - order.discount) / total);
  }
  return probabilities;
}

double NgramModel::probability(int32_t word, const WordNumbers& context) const {
  if (word < 0 || word >= num_words()) throw InputError("there is no word {} among {}", word, num_words());
  double p = unigram_[static_cast<size_t>(word)];
  for (size_t length = 1; length < orders_.size() && length <= context.size(); ++length) {
    const int64_t at = find_context(context, length);
    if (at < 0) break;
    const Order& order = orders_[length];
    const auto begin = order.ngrams.begin() + order.begins[at],
               end = order.ngrams.begin() + order.begins[at + 1];
    const auto total = static_cast<double>(order.totals[at]);
    p *= order.discount * static_cast<double>(end - begin) / total;
    const uint64_t ngram = order.contexts[at] << kBits | static_cast<uint64_t>(word);
    if (const auto found = std::lower_bound(begin, end, ngram); found != end && *found == ngram)
      p += (order.counts[found - order.ngrams.begin()] - order.discount) / total;
  }
  return p;
}

WordNumbers NgramModel::begin_context() const {
  return WordNumbers(orders_.size() - 1, static_cast<int32_t>(kBegin));
}

double NgramModel::perplexity(const std::vector<WordNumbers>& sentences) const {
  double log_likelihood = 0;
  int64_t count = 0;
  for (const WordNumbers& sentence : sentences) {
    WordNumbers context = begin_context();
    const auto add = [&](int32_t word) {
      log_likelihood += std::log(probability(word, context));
      context.push_back(word);
      ++count;
    };
    for (const int32_t word : sentence) add(word);
    add(static_cast<int32_t>(kEnd));
  }
  return std::exp(-log_likelihood / static_cast<double>(count));
}

}  // namespace lathe::data
