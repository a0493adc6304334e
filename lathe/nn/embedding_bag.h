#pragma once
#include "lathe/nn/model.h"

namespace lathe::nn {

struct EmbeddingBagOptions {
  int64_t num_tokens = 0;  // of the vocabulary, special ones included
  int64_t num_fields = 1;  // 2: pairs of texts
  int64_t num_classes = 2;
  int64_t width = 64;
  int64_t ngrams = 2;         // of up to so many words; Joulin et al. 2017, §3.1: bigrams
  int64_t buckets = 1 << 14;  // that n-grams of two words and more share; a step updates all of them
  double dropout = 0;         // before the last layer
};
double num_weights(const EmbeddingBagOptions& options);

// fastText (Joulin, Grave, Bojanowski & Mikolov 2017): the mean of the embeddings of a text's words and
// hashed n-grams, then a linear layer. Embeddings begin uniform in ±1 / width, the last layer at zero, as in
// the authors' program.
class EmbeddingBag : public FeatureModel {
 public:
  explicit EmbeddingBag(const EmbeddingBagOptions& options);
  torch::Tensor features(torch::Tensor rows) override;
  torch::nn::LinearImpl& head() override { return *head_; }
  void initialize(core::Seed seed) override;

 private:
  EmbeddingBagOptions options_;
  torch::Tensor embedding_;
  torch::nn::Linear head_{nullptr};
};

}  // namespace lathe::nn
