#pragma once
#include "lathe/nn/model.h"
#include "lathe/nn/transformer.h"

namespace lathe::nn {

enum class Positions { sine, learned };

struct TextEncoderOptions {
  int64_t num_tokens = 0;  // of the vocabulary, special ones included
  int64_t num_fields = 1;  // 2: pairs of texts
  int64_t length = 64;     // of a text: the longest that learned positions know
  int64_t layers = 2;
  TransformerOptions layer;
  Positions positions = Positions::sine;
};

// A transformer's encoder over token rows: embeddings scaled by √width, plus codes of the position within the
// text, plus, for a pair, an embedding of which text it is (Devlin et al. 2019, §3): both texts are seen
// together. int64 [N, num_fields · L] -> [N, num_fields · L, width], normalised; at padding it means nothing.
class TextEncoder : public Model {
 public:
  explicit TextEncoder(
      const TextEncoderOptions& options);  // throws InputError: heads do not divide the width
  torch::Tensor forward(torch::Tensor rows) override;
  void initialize(core::Seed seed) override;  // embeddings N(0, 1 / width), matrices uniform in ±1 / √fan-in
  const torch::Tensor& embedding() const { return embedding_; }  // [num_tokens, width]
  const TextEncoderOptions& options() const { return options_; }

 private:
  torch::Tensor places(int64_t length) const;
  TextEncoderOptions options_;
  torch::Tensor embedding_, positions_, segments_;
  std::vector<std::shared_ptr<EncoderLayer>> layers_;
  torch::nn::LayerNorm norm_{nullptr};
};
double num_weights(const TextEncoderOptions& options);

// The encoder, the mean over the tokens of all texts, a linear layer.
class TextTransformer : public FeatureModel {
 public:
  TextTransformer(const TextEncoderOptions& options, int64_t num_classes, double dropout);
  torch::Tensor features(torch::Tensor rows) override;
  torch::nn::LinearImpl& head() override { return *head_; }
  void initialize(core::Seed seed) override;

 private:
  double dropout_;
  std::shared_ptr<TextEncoder> encoder_;
  torch::nn::Linear head_{nullptr};
};

}  // namespace lathe::nn
