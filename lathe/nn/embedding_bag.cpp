#include "lathe/nn/embedding_bag.h"

#include <torch/torch.h>

#include "lathe/data/tokenize.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/text_layers.h"

namespace lathe::nn {

double num_weights(const EmbeddingBagOptions& o) {
  return static_cast<double>(num_ngrams(o.ngrams, o.num_tokens, o.buckets)) * static_cast<double>(o.width);
}

EmbeddingBag::EmbeddingBag(const EmbeddingBagOptions& options) : options_(options) {
  const int64_t rows = num_ngrams(options.ngrams, options.num_tokens, options.buckets);
  embedding_ = register_parameter("embedding", torch::zeros({rows, options.width}));
  head_ = register_module(
      "head", torch::nn::Linear(pair_width(options.width, options.num_fields), options.num_classes));
}

torch::Tensor EmbeddingBag::features(torch::Tensor rows) {
  const torch::Tensor ngrams = hashed_ngrams(single_texts(rows, options_.num_fields), options_.ngrams,
                                             options_.num_tokens, options_.buckets);
  const torch::Tensor present = ngrams.ne(data::kPadding).to(torch::kFloat32).unsqueeze(2);
  const torch::Tensor sum = (torch::embedding(embedding_, ngrams) * present).sum(1);
  const torch::Tensor features = pair_features(sum / present.sum(1).clamp_min(1), options_.num_fields);
  return options_.dropout > 0 ? torch::dropout(features, options_.dropout, is_training()) : features;
}

void EmbeddingBag::initialize(core::Seed seed) {
  const torch::NoGradGuard no_grad;
  const double bound = 1 / static_cast<double>(options_.width);
  embedding_.uniform_(-bound, bound, generator(seed.stream("embedding")));
  clear_special_words(embedding_);
  head_->weight.zero_();
  head_->bias.zero_();
}

}  // namespace lathe::nn
