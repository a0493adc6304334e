#pragma once
#include <torch/nn/modules/embedding.h>

#include "lathe/nn/model.h"
#include "lathe/nn/transformer.h"

namespace lathe::nn {

struct TranslatorOptions {
  int64_t num_source_words = 0, num_target_words = 0;  // special ones included, data/tokenize.h
  int64_t source_length = 12;                          // words of a padded source sentence
  int64_t encoder_layers = 2, decoder_layers = 1;
  TransformerOptions layers = {};
};

// Numbers of words of one language -> logits of the words of another: a small Transformer. One row of inputs,
// int64 [B, source_length + T + 1], is the source sentence, padded, then begin, the target's words, end,
// padding; forward() sees all but the last column and predicts columns source_length + 1 … : logits [B, T,
// words]. The target's embedding is its output layer too (Press & Wolf 2017).
//
// Modules: "source_embedding", "encoder0" …, "encoder_norm", "target_embedding", "decoder0" …,
// "decoder_norm".
class Translator : public Model {
 public:
  explicit Translator(const TranslatorOptions& options);
  torch::Tensor forward(torch::Tensor inputs) override;
  torch::Tensor encode(const torch::Tensor& source);  // int64 [B, S] -> [B, S, width]
  // The most likely word again and again, without gradients: int64 [B, length], padding after the end.
  torch::Tensor translate(const torch::Tensor& source, int64_t length);
  void initialize(core::Seed seed) override;
  const TranslatorOptions& options() const { return options_; }

 private:
  torch::Tensor decode(const torch::Tensor& memory, const torch::Tensor& memory_mask,
                       const torch::Tensor& words);

  TranslatorOptions options_;
  torch::nn::Embedding source_embedding_{nullptr}, target_embedding_{nullptr};
  std::vector<std::shared_ptr<EncoderLayer>> encoder_;
  std::vector<std::shared_ptr<DecoderLayer>> decoder_;
  torch::nn::LayerNorm encoder_norm_{nullptr}, decoder_norm_{nullptr};
};

// Mean cross-entropy of the next words: logits [B, T, words] of the Translator's inputs; padding does not
// count.
torch::Tensor next_word_loss(const torch::Tensor& logits, const torch::Tensor& inputs);

}  // namespace lathe::nn
