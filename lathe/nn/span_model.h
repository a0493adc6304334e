#pragma once
#include "lathe/nn/text_transformer.h"

namespace lathe::nn {

// Finds the answer to a question as a part of a passage (Rajpurkar et al. 2016; Devlin et al. 2019, §4.2).
// Rows are pairs, the passage first: int64 [N, 2 L] -> logits [N, 2, L], where the answer starts and where it
// ends among the passage's tokens; a very small number at padding.
class SpanModel : public Model {
 public:
  explicit SpanModel(TextEncoderOptions options);  // for pairs, whatever its num_fields
  torch::Tensor forward(torch::Tensor rows) override;
  void initialize(core::Seed seed) override;

 private:
  std::shared_ptr<TextEncoder> encoder_;
  torch::nn::Linear head_{nullptr};
};

// Mean of the cross-entropies of start and end. spans: int64 [N, 2], the answer's first and last token.
torch::Tensor span_loss(const torch::Tensor& logits, const torch::Tensor& spans);

// The likeliest spans of at most `longest` tokens: start + end logit largest, start ≤ end. int64 [N, 2], and
// the probability of each among all such spans, float [N].
struct Spans {
  torch::Tensor spans, probabilities;
};
Spans best_spans(const torch::Tensor& logits, int64_t longest = 30);  // 30: Devlin et al.'s program

}  // namespace lathe::nn
