#include "lathe/nn/translator.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"
#include "lathe/nn/initialization.h"

namespace lathe::nn {
namespace {

// Scaled so that its entries are of the size of the position codes (Vaswani et al. 2017, §3.4).
torch::Tensor embedded(torch::nn::Embedding& embedding, const torch::Tensor& words) {
  const int64_t width = embedding->weight.size(1);
  return embedding->forward(words) * std::sqrt(static_cast<double>(width)) +
         position_codes(words.size(1), width, embedding->weight.options());
}

}  // namespace

Translator::Translator(const TranslatorOptions& options) : options_(options) {
  if (options.num_source_words <= data::kNumSpecialWords ||
      options.num_target_words <= data::kNumSpecialWords)
    throw InputError("a translator needs words beyond the {} special ones, got {} and {}",
                     data::kNumSpecialWords, options.num_source_words, options.num_target_words);
  if (options.source_length < 1 || options.encoder_layers < 1 || options.decoder_layers < 1)
    throw InputError("a translator's source length and numbers of layers must be positive");
  const int64_t width = options.layers.width;
  const auto norm = [&] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})); };
  source_embedding_ =
      register_module("source_embedding", torch::nn::Embedding(options.num_source_words, width));
  for (int64_t i = 0; i < options.encoder_layers; ++i)
    encoder_.push_back(
        register_module("encoder" + std::to_string(i), std::make_shared<EncoderLayer>(options.layers)));
  encoder_norm_ = register_module("encoder_norm", norm());
  target_embedding_ =
      register_module("target_embedding", torch::nn::Embedding(options.num_target_words, width));
  for (int64_t i = 0; i < options.decoder_layers; ++i)
    decoder_.push_back(
        register_module("decoder" + std::to_string(i), std::make_shared<DecoderLayer>(options.layers)));
  decoder_norm_ = register_module("decoder_norm", norm());
}

torch::Tensor Translator::encode(const torch::Tensor& source) {
  const torch::Tensor mask = padding_mask(source);
  torch::Tensor x = embedded(source_embedding_, source);
  for (const auto& layer : encoder_) x = layer->forward(x, mask);
  return encoder_norm_->forward(x);
}

torch::Tensor Translator::decode(const torch::Tensor& memory, const torch::Tensor& memory_mask,
                                 const torch::Tensor& words) {
  const torch::Tensor mask = causal_mask(words.size(1), memory.options());
  torch::Tensor x = embedded(target_embedding_, words);
  for (const auto& layer : decoder_) x = layer->forward(x, memory, mask, memory_mask);
  return decoder_norm_->forward(x);
}

torch::Tensor Translator::forward(torch::Tensor inputs) {
  if (inputs.dim() != 2 || inputs.scalar_type() != torch::kInt64 ||
      inputs.size(1) < options_.source_length + 2)
    throw InputError("a translator's inputs are int64 [sentences, {} + 2 or more]", options_.source_length);
  const torch::Tensor source = inputs.slice(1, 0, options_.source_length);
  const torch::Tensor words = inputs.slice(1, options_.source_length, inputs.size(1) - 1);
  return decode(encode(source), padding_mask(source), words).matmul(target_embedding_->weight.t());
}

torch::Tensor Translator::translate(const torch::Tensor& source, int64_t length) {
  const EvaluationMode evaluation(*this);
  const torch::NoGradGuard no_grad;
  const torch::Tensor memory = encode(source), mask = padding_mask(source);
  torch::Tensor words = torch::full({source.size(0), 1}, data::kBegin, source.options());
  torch::Tensor ended = torch::zeros({source.size(0)}, source.options().dtype(torch::kBool));
  for (int64_t t = 0; t < length && !ended.all().item<bool>(); ++t) {
    const torch::Tensor last = decode(memory, mask, words).select(1, t);
    torch::Tensor logits = last.matmul(target_embedding_->weight.t());
    for (const int64_t never : {data::kPadding, data::kUnknown, data::kBegin})
      logits.select(1, never).fill_(-std::numeric_limits<float>::infinity());
    const torch::Tensor next = logits.argmax(1);
    ended = ended.logical_or(next.eq(data::kEnd));
    words = torch::cat({words, next.masked_fill(ended, data::kPadding).unsqueeze(1)}, 1);
  }
  words = words.slice(1, 1);
  return torch::constant_pad_nd(words, {0, length - words.size(1)}, data::kPadding);
}

void Translator::initialize(core::Seed seed) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : named_modules()) {
    const core::Seed stream = seed.stream(item.key());
    if (auto* linear = item.value()->as<torch::nn::Linear>()) {
      uniform_fan_in(linear->weight, stream);
      linear->bias.zero_();
    } else if (auto* embedding = item.value()->as<torch::nn::Embedding>()) {
      const double width = static_cast<double>(embedding->weight.size(1));
      embedding->weight.normal_(0, 1 / std::sqrt(width), generator(stream));
    } else if (auto* norm = item.value()->as<torch::nn::LayerNorm>()) {
      norm->reset_parameters();
    }
  }
}

torch::Tensor next_word_loss(const torch::Tensor& logits, const torch::Tensor& inputs) {
  const torch::Tensor next = inputs.slice(1, inputs.size(1) - logits.size(1)).reshape(-1);
  return torch::nn::functional::cross_entropy(
      logits.flatten(0, 1), next,
      torch::nn::functional::CrossEntropyFuncOptions().ignore_index(data::kPadding));
}

}  // namespace lathe::nn
