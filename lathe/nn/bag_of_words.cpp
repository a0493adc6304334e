#include "lathe/nn/bag_of_words.h"

#include <torch/torch.h>

#include "lathe/data/tokenize.h"
#include "lathe/nn/text_layers.h"

namespace lathe::nn {
namespace {

// Which of the sorted numbers are no padding and differ from the one before: 1 or 0, [M, L].
torch::Tensor first_of_each(const torch::Tensor& sorted) {
  const torch::Tensor before = torch::constant_pad_nd(sorted.slice(1, 0, sorted.size(1) - 1), {1, 0}, -1);
  return sorted.ne(before).logical_and(sorted.ne(data::kPadding)).to(torch::kFloat32);
}

// Σ_i scale_i W_(numbers_i): [M, C].
torch::Tensor weighted_sum(const torch::Tensor& weights, const torch::Tensor& numbers,
                           const torch::Tensor& scale) {
  return (torch::embedding(weights, numbers) * scale.unsqueeze(2)).sum(1);
}

}  // namespace

double num_weights(const BagOfWordsOptions& o) {
  return (o.num_fields == 1 ? 1.0 : 4.0) *
         static_cast<double>(num_ngrams(o.ngrams, o.num_tokens, o.buckets)) *
         static_cast<double>(o.num_classes);
}

BagOfWords::BagOfWords(const BagOfWordsOptions& options) : options_(options) {
  const int64_t rows =
      pair_width(num_ngrams(options.ngrams, options.num_tokens, options.buckets), options.num_fields);
  weights_ = register_parameter("weights", torch::zeros({rows, options.num_classes}));
  bias_ = register_parameter("bias", torch::zeros({options.num_classes}));
}

torch::Tensor BagOfWords::forward(torch::Tensor rows) {
  torch::Tensor ngrams = hashed_ngrams(single_texts(rows, options_.num_fields), options_.ngrams,
                                       options_.num_tokens, options_.buckets);
  if (options_.presence || options_.num_fields == 2) ngrams = std::get<0>(ngrams.sort(1));
  if (options_.num_fields == 2) return of_pair(ngrams) + bias_;
  const torch::Tensor scale =
      options_.presence ? first_of_each(ngrams) : ngrams.ne(data::kPadding).to(torch::kFloat32);
  return weighted_sum(weights_, ngrams, scale) + bias_;
}

torch::Tensor BagOfWords::of_pair(const torch::Tensor& sorted) {
  const int64_t part = num_ngrams(options_.ngrams, options_.num_tokens, options_.buckets);
  const torch::Tensor pairs = sorted.view({-1, 2, sorted.size(1)});
  const torch::Tensor scales = first_of_each(sorted).view({-1, 2, sorted.size(1)});
  const torch::Tensor u = pairs.select(1, 0), v = pairs.select(1, 1);
  const torch::Tensor in_u = scales.select(1, 0), in_v = scales.select(1, 1);
  const torch::Tensor equal = u.unsqueeze(2).eq(v.unsqueeze(1));  // [N, L, L]
  const torch::Tensor both = equal.any(2), only_v = equal.any(1).logical_not();
  const torch::Tensor shared = torch::where(both, u + 3 * part, u + 2 * part);
  return weighted_sum(weights_, u, in_u) + weighted_sum(weights_, v + part, in_v) +
         weighted_sum(weights_, shared, in_u) + weighted_sum(weights_, v + 2 * part, in_v * only_v);
}

void BagOfWords::initialize(core::Seed) {
  const torch::NoGradGuard no_grad;
  weights_.zero_();
  bias_.zero_();
}

}  // namespace lathe::nn
