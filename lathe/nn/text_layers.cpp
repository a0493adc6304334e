#include "lathe/nn/text_layers.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"

namespace lathe::nn {

torch::Tensor single_texts(const torch::Tensor& rows, int64_t num_fields) {
  if (rows.dim() != 2 || rows.scalar_type() != torch::kInt64 || rows.size(1) == 0 ||
      rows.size(1) % num_fields != 0)
    throw InputError("a batch of texts is int64 [examples, tokens], the tokens of {} texts in a row",
                     num_fields);
  return rows.reshape({-1, rows.size(1) / num_fields});
}

torch::Tensor pair_features(const torch::Tensor& features, int64_t num_fields) {
  if (num_fields == 1) return features;
  const torch::Tensor pairs = features.view({-1, 2, features.size(1)});
  const torch::Tensor u = pairs.select(1, 0), v = pairs.select(1, 1);
  return torch::cat({u, v, (u - v).abs(), u * v}, 1);
}

int64_t pair_width(int64_t width, int64_t num_fields) {
  return num_fields == 1 ? width : 4 * width;
}

torch::Tensor hashed_ngrams(const torch::Tensor& texts, int64_t largest, int64_t num_tokens,
                            int64_t buckets) {
  constexpr int64_t kFactor = 1'000'003, kModulus = 2'147'483'647;  // products stay below 2^63
  const int64_t length = texts.size(1);
  std::vector<torch::Tensor> ngrams = {texts};
  torch::Tensor hash = texts;
  for (int64_t n = 2; n <= std::min(largest, length); ++n) {
    const torch::Tensor last = texts.slice(1, n - 1, length);
    hash = (hash.slice(1, 0, length - n + 1) * kFactor + last).remainder(kModulus);
    ngrams.push_back(
        (hash.remainder(buckets) + num_tokens).masked_fill(last.eq(data::kPadding), data::kPadding));
  }
  return torch::cat(ngrams, 1);
}

int64_t num_ngrams(int64_t largest, int64_t num_tokens, int64_t buckets) {
  return largest == 1 ? num_tokens : num_tokens + buckets;
}

void clear_special_words(const torch::Tensor& embedding) {
  const torch::NoGradGuard no_grad;
  embedding.select(0, data::kPadding).zero_();
  embedding.select(0, data::kUnknown).zero_();
}

}  // namespace lathe::nn
