#pragma once
#include "lathe/nn/model.h"

namespace lathe::nn {

// One layer of gated recurrent units (Cho et al. 2014), over [M, L, width] -> [M, L, hidden].
class GruLayer : public Model {
 public:
  GruLayer(int64_t width, int64_t hidden);
  torch::Tensor forward(torch::Tensor inputs) override;
  void initialize(core::Seed seed) override;  // uniform in ±1 / √hidden, biases zero

 private:
  int64_t hidden_;
  torch::Tensor input_weight_, hidden_weight_, input_bias_, hidden_bias_;
};

enum class Pooling { max, last };

struct GruOptions {
  int64_t num_tokens = 0;  // of the vocabulary, special ones included
  int64_t num_fields = 1;  // 2: pairs of texts
  int64_t num_classes = 2;
  int64_t width = 64;   // of the embeddings
  int64_t hidden = 64;  // of each direction
  bool bidirectional = true;
  Pooling pooling = Pooling::max;  // Conneau et al. 2017, table 3: better than the last state
  double dropout = 0;              // before the last layer
};
double num_weights(const GruOptions& options);

// Embeddings, a GRU over the text, one over its reverse if bidirectional, then the largest of each state over
// the text, or the last states, and a linear layer. Padding takes no part: the reverse of a text begins with
// its last token. Embeddings begin as N(0, 1).
class Gru : public FeatureModel {
 public:
  explicit Gru(const GruOptions& options);
  torch::Tensor features(torch::Tensor rows) override;
  torch::nn::LinearImpl& head() override { return *head_; }
  void initialize(core::Seed seed) override;

 private:
  torch::Tensor pooled(GruLayer& layer, const torch::Tensor& texts, const torch::Tensor& lengths);
  GruOptions options_;
  torch::Tensor embedding_;
  std::shared_ptr<GruLayer> forward_, backward_;
  torch::nn::Linear head_{nullptr};
};

}  // namespace lathe::nn
