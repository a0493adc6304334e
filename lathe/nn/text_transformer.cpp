#include "lathe/nn/text_transformer.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/text_layers.h"

namespace lathe::nn {

double num_weights(const TextEncoderOptions& o) {
  const auto width = static_cast<double>(o.layer.width);
  const double learned = o.positions == Positions::learned ? static_cast<double>(o.length) : 0;
  const double layer = width * (4 * width + 2 * static_cast<double>(o.layer.feed_forward));
  return width * (static_cast<double>(o.num_tokens) + learned) + static_cast<double>(o.layers) * layer;
}

TextEncoder::TextEncoder(const TextEncoderOptions& options) : options_(options) {
  const int64_t width = options.layer.width;
  embedding_ = register_parameter("embedding", torch::zeros({options.num_tokens, width}));
  if (options.positions == Positions::learned)
    positions_ = register_parameter("positions", torch::zeros({options.length, width}));
  if (options.num_fields > 1)
    segments_ = register_parameter("segments", torch::zeros({options.num_fields, width}));
  for (int64_t i = 0; i < options.layers; ++i)
    layers_.push_back(
        register_module("layer" + std::to_string(i), std::make_shared<EncoderLayer>(options.layer)));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
}

// What is added to the embeddings of texts of this length: [num_fields · length, width].
torch::Tensor TextEncoder::places(int64_t length) const {
  const int64_t width = options_.layer.width;
  if (positions_.defined() && length > options_.length)
    throw InputError("a text of {} tokens; the positions that were learned are those of {}", length,
                     options_.length);
  torch::Tensor places = positions_.defined() ? positions_.slice(0, 0, length)
                                              : position_codes(length, width, embedding_.options());
  if (!segments_.defined()) return places;
  return (segments_.unsqueeze(1) + places.unsqueeze(0)).reshape({-1, width});
}

torch::Tensor TextEncoder::forward(torch::Tensor rows) {
  single_texts(rows, options_.num_fields);  // checks the shape
  const torch::Tensor mask = padding_mask(rows);
  torch::Tensor x =
      torch::embedding(embedding_, rows) * std::sqrt(static_cast<double>(options_.layer.width)) +
      places(rows.size(1) / options_.num_fields);
  for (const auto& layer : layers_) x = layer->forward(x, mask);
  return norm_->forward(x);
}

void TextEncoder::initialize(core::Seed seed) {
  const torch::NoGradGuard no_grad;
  const double deviation = 1 / std::sqrt(static_cast<double>(options_.layer.width));
  embedding_.normal_(0, deviation, generator(seed.stream("embedding")));
  clear_special_words(embedding_);
  if (positions_.defined()) positions_.normal_(0, deviation, generator(seed.stream("positions")));
  if (segments_.defined()) segments_.normal_(0, deviation, generator(seed.stream("segments")));
  for (const auto& item : named_modules()) {
    if (auto* linear = item.value()->as<torch::nn::Linear>()) {
      uniform_fan_in(linear->weight, seed.stream(item.key()));
      linear->bias.zero_();
    } else if (auto* norm = item.value()->as<torch::nn::LayerNorm>()) {
      norm->reset_parameters();
    }
  }
}

TextTransformer::TextTransformer(const TextEncoderOptions& options, int64_t num_classes, double dropout)
    : dropout_(dropout) {
  encoder_ = register_module("encoder", std::make_shared<TextEncoder>(options));
  head_ = register_module("head", torch::nn::Linear(options.layer.width, num_classes));
}

torch::Tensor TextTransformer::features(torch::Tensor rows) {
  const torch::Tensor present = rows.ne(data::kPadding).to(torch::kFloat32).unsqueeze(2);
  const torch::Tensor sum = (encoder_->forward(rows) * present).sum(1);
  const torch::Tensor mean = sum / present.sum(1).clamp_min(1);
  return dropout_ > 0 ? torch::dropout(mean, dropout_, is_training()) : mean;
}

void TextTransformer::initialize(core::Seed seed) {
  encoder_->initialize(seed.stream("encoder"));
  uniform_fan_in(head_->weight, seed.stream("head"));
  const torch::NoGradGuard no_grad;
  head_->bias.zero_();
}

}  // namespace lathe::nn
