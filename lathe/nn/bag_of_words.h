#pragma once
#include "lathe/nn/model.h"

namespace lathe::nn {

struct BagOfWordsOptions {
  int64_t num_tokens = 0;  // of the vocabulary, special ones included
  int64_t num_fields = 1;  // 2: pairs of texts
  int64_t num_classes = 2;
  int64_t ngrams = 1;         // of up to so many words
  int64_t buckets = 1 << 16;  // that n-grams of two words and more share
  bool presence = true;  // each n-gram counts once (Pang, Lee & Vaithyanathan 2002, §6.1); pairs: always
};
double num_weights(const BagOfWordsOptions& options);  // in double: a description may ask for any number

// Multinomial logistic regression on the words of a text and its hashed n-grams: logits = b + Σ_w x_w W_w,
// with x_w how often w is there, or whether. Of a pair, with x and y for its texts, W_w has four parts, for
// x_w, y_w, |x_w − y_w| and x_w y_w. The sum goes over the n-grams that are there, not over the vocabulary.
// The loss is convex: weights begin at zero.
class BagOfWords : public Model {
 public:
  explicit BagOfWords(const BagOfWordsOptions& options);
  torch::Tensor forward(torch::Tensor rows) override;
  void initialize(core::Seed seed) override;
  // [parts · num_ngrams, num_classes], a word's row by its number: what its presence adds to each logit.
  const torch::Tensor& weights() const { return weights_; }

 private:
  torch::Tensor of_pair(const torch::Tensor& ngrams);
  BagOfWordsOptions options_;
  torch::Tensor weights_, bias_;
};

}  // namespace lathe::nn
