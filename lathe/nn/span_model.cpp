#include "lathe/nn/span_model.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {
namespace {

constexpr double kImpossible = -1e9;

TextEncoderOptions of_pairs(TextEncoderOptions options) {
  options.num_fields = 2;
  return options;
}

}  // namespace

SpanModel::SpanModel(TextEncoderOptions options) {
  encoder_ = register_module("encoder", std::make_shared<TextEncoder>(of_pairs(options)));
  head_ = register_module("head", torch::nn::Linear(options.layer.width, 2));
}

torch::Tensor SpanModel::forward(torch::Tensor rows) {
  const int64_t length = rows.size(1) / 2;
  const torch::Tensor passage = encoder_->forward(rows).slice(1, 0, length);
  const torch::Tensor padding = rows.slice(1, 0, length).eq(data::kPadding).unsqueeze(1);
  return head_->forward(passage).transpose(1, 2).masked_fill(padding, kImpossible);
}

void SpanModel::initialize(core::Seed seed) {
  encoder_->initialize(seed.stream("encoder"));
  uniform_fan_in(head_->weight, seed.stream("head"));
  const torch::NoGradGuard no_grad;
  head_->bias.zero_();
}

torch::Tensor span_loss(const torch::Tensor& logits, const torch::Tensor& spans) {
  return torch::nn::functional::cross_entropy(logits.flatten(0, 1), spans.flatten());
}

Spans best_spans(const torch::Tensor& logits, int64_t longest) {
  if (longest < 1) throw InputError("an answer has at least one token, got a limit of {}", longest);
  const int64_t length = logits.size(2);
  // [N, start, end]; within the band of allowed ends only.
  torch::Tensor scores = logits.select(1, 0).unsqueeze(2) + logits.select(1, 1).unsqueeze(1);
  const torch::Tensor allowed = torch::ones({length, length}, scores.options()).triu().tril(longest - 1);
  scores = scores.masked_fill(allowed.eq(0), 2 * kImpossible).flatten(1);
  const auto [best, place] = scores.softmax(1).max(1);
  return {torch::stack({place.floor_divide(length), place.remainder(length)}, 1), best};
}

}  // namespace lathe::nn
