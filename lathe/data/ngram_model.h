#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

// An n-gram language model with interpolated Kneser-Ney smoothing (Chen & Goodman 1999, §4.1.6, equations
// 17-20):
//   P(w | h) = max(c(h w) − D, 0) / c(h •) + D · N(h •) / c(h •) · P(w | h without its first word)
// c is the count of an n-gram in the text at the highest order, and below it the number of different words
// that stand before it; N(h •) counts the different words after h; D = n1 / (n1 + 2 n2) of each order, n_k
// the number of n-grams with c = k. Under the lowest order lies the uniform distribution over all words that
// can follow.
namespace lathe::data {

using WordNumbers = std::vector<int32_t>;

struct NgramOptions {
  int64_t order = 4;  // 1 … 4: an n-gram is one 64-bit number
};

class NgramModel {
 public:
  static constexpr int32_t kMostWords = 65'536;
  static constexpr int32_t kMostOrder = 4;

  // Sentences of word numbers in [0, num_words) as Vocabulary has them: kBegin is put before each and kEnd
  // behind. Throws InputError for a number outside of it, kBegin or kPadding within a sentence, no sentence.
  NgramModel(const std::vector<WordNumbers>& sentences, int64_t num_words, NgramOptions options = {});

  int64_t num_words() const { return static_cast<int64_t>(unigram_.size()); }
  // Of every word after a context (its last words count, none beyond the order): [num_words], sums to 1.
  // kPadding and kBegin never follow.
  std::vector<float> probabilities(const WordNumbers& context) const;
  double probability(int32_t word, const WordNumbers& context) const;
  // After that many words of kBegin.
  WordNumbers begin_context() const;
  double perplexity(const std::vector<WordNumbers>& sentences) const;  // per word, ends included

 private:
  // All n-grams of one order, ascending; those of one context are neighbours.
  struct Order {
    std::vector<uint64_t> ngrams;
    std::vector<uint32_t> counts;
    double discount = 0;
    std::vector<uint64_t> contexts;  // ascending
    std::vector<uint32_t> begins;    // of each context's n-grams; one more for the end
    std::vector<uint64_t> totals;    // of each context's counts
  };
  static Order make_order(std::vector<uint64_t> occurrences);
  // Index of the context made of the last `length` words, or none (-1).
  int64_t find_context(const WordNumbers& context, size_t length) const;

  std::vector<Order> orders_;  // of length 1, 2, …
  std::vector<float> unigram_;
};

}  // namespace lathe::data
