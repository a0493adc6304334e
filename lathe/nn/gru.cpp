#include "lathe/nn/gru.h"

#include <torch/torch.h>

#include "lathe/data/tokenize.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/text_layers.h"

namespace lathe::nn {

GruLayer::GruLayer(int64_t width, int64_t hidden) : hidden_(hidden) {
  input_weight_ = register_parameter("input_weight", torch::zeros({3 * hidden, width}));
  hidden_weight_ = register_parameter("hidden_weight", torch::zeros({3 * hidden, hidden}));
  input_bias_ = register_parameter("input_bias", torch::zeros({3 * hidden}));
  hidden_bias_ = register_parameter("hidden_bias", torch::zeros({3 * hidden}));
}

torch::Tensor GruLayer::forward(torch::Tensor inputs) {
  // Made from the inputs, so that a trace does not keep the number of examples.
  const torch::Tensor start =
      (inputs.select(1, 0).select(1, 0) * 0).view({1, -1, 1}).expand({1, -1, hidden_});
  return std::get<0>(torch::gru(inputs, start.contiguous(),
                                {input_weight_, hidden_weight_, input_bias_, hidden_bias_},
                                /*has_biases=*/true,
                                /*num_layers=*/1, /*dropout=*/0.0, is_training(), /*bidirectional=*/false,
                                /*batch_first=*/true));
}

void GruLayer::initialize(core::Seed seed) {
  const torch::NoGradGuard no_grad;
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_));
  input_weight_.uniform_(-bound, bound, generator(seed.stream("input")));
  hidden_weight_.uniform_(-bound, bound, generator(seed.stream("hidden")));
  input_bias_.zero_();
  hidden_bias_.zero_();
}

double num_weights(const GruOptions& o) {
  const auto width = static_cast<double>(o.width), hidden = static_cast<double>(o.hidden);
  return static_cast<double>(o.num_tokens) * width +
         (o.bidirectional ? 2.0 : 1.0) * 3 * hidden * (width + hidden);
}

Gru::Gru(const GruOptions& options) : options_(options) {
  embedding_ = register_parameter("embedding", torch::zeros({options.num_tokens, options.width}));
  forward_ = register_module("gru_forward", std::make_shared<GruLayer>(options.width, options.hidden));
  if (options.bidirectional)
    backward_ = register_module("gru_backward", std::make_shared<GruLayer>(options.width, options.hidden));
  const int64_t width = (options.bidirectional ? 2 : 1) * options.hidden;
  head_ =
      register_module("head", torch::nn::Linear(pair_width(width, options.num_fields), options.num_classes));
}

torch::Tensor Gru::pooled(GruLayer& layer, const torch::Tensor& texts, const torch::Tensor& lengths) {
  const torch::Tensor states = layer.forward(torch::embedding(embedding_, texts));
  if (options_.pooling == Pooling::max)  // states are above −1
    return states.masked_fill(texts.eq(data::kPadding).unsqueeze(2), -1).amax(1);
  const torch::Tensor last = (lengths - 1).clamp_min(0).view({-1, 1, 1}).expand({-1, 1, options_.hidden});
  return states.gather(1, last).squeeze(1);
}

torch::Tensor Gru::features(torch::Tensor rows) {
  const torch::Tensor texts = single_texts(rows, options_.num_fields);
  const torch::Tensor lengths = texts.ne(data::kPadding).sum(1, /*keepdim=*/true);
  torch::Tensor features = pooled(*forward_, texts, lengths);
  if (backward_) {
    const torch::Tensor place = lengths - 1 - torch::arange(texts.size(1), texts.options());
    const torch::Tensor reverse =
        texts.gather(1, place.clamp_min(0)).masked_fill(place.lt(0), data::kPadding);
    features = torch::cat({features, pooled(*backward_, reverse, lengths)}, 1);
  }
  features = pair_features(features, options_.num_fields);
  return options_.dropout > 0 ? torch::dropout(features, options_.dropout, is_training()) : features;
}

void Gru::initialize(core::Seed seed) {
  {
    const torch::NoGradGuard no_grad;
    embedding_.normal_(0, 1, generator(seed.stream("embedding")));
    clear_special_words(embedding_);
    head_->bias.zero_();
  }
  forward_->initialize(seed.stream("forward"));
  if (backward_) backward_->initialize(seed.stream("backward"));
  uniform_fan_in(head_->weight, seed.stream("head"));
}

}  // namespace lathe::nn
