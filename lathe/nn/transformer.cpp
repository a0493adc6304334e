#include "lathe/nn/transformer.h"

#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/data/tokenize.h"

namespace lathe::nn {
namespace {

constexpr double kHidden = -1e9;

torch::nn::LayerNorm norm(int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

}  // namespace

Attention::Attention(const TransformerOptions& options) : num_heads_(options.num_heads) {
  if (options.width < 1 || num_heads_ < 1 || options.width % num_heads_ != 0)
    throw InputError("{} heads do not divide a width of {}", num_heads_, options.width);
  query_ = register_module("query", torch::nn::Linear(options.width, options.width));
  key_value_ = register_module("key_value", torch::nn::Linear(options.width, 2 * options.width));
  out_ = register_module("out", torch::nn::Linear(options.width, options.width));
}

torch::Tensor Attention::forward(const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& mask) {
  const int64_t width = x.size(2), of_head = width / num_heads_;
  const auto heads = [&](const torch::Tensor& t) {
    return t.reshape({-1, t.size(1), num_heads_, of_head}).transpose(1, 2);
  };
  const torch::Tensor q = heads(query_->forward(x) / std::sqrt(static_cast<double>(of_head)));
  const std::vector<torch::Tensor> kv = key_value_->forward(y).chunk(2, -1);
  const torch::Tensor weights = torch::softmax(q.matmul(heads(kv[0]).transpose(2, 3)) + mask, -1);
  return out_->forward(weights.matmul(heads(kv[1])).transpose(1, 2).reshape({-1, x.size(1), width}));
}

EncoderLayer::EncoderLayer(const TransformerOptions& options) {
  norm1_ = register_module("norm1", norm(options.width));
  attention_ = register_module("attention", std::make_shared<Attention>(options));
  norm2_ = register_module("norm2", norm(options.width));
  rise_ = register_module("rise", torch::nn::Linear(options.width, options.feed_forward));
  fall_ = register_module("fall", torch::nn::Linear(options.feed_forward, options.width));
}

torch::Tensor EncoderLayer::forward(torch::Tensor x, const torch::Tensor& mask) {
  const torch::Tensor normed = norm1_->forward(x);
  x = x + attention_->forward(normed, normed, mask);
  return x + fall_->forward(rise_->forward(norm2_->forward(x)).relu());
}

DecoderLayer::DecoderLayer(const TransformerOptions& options) {
  norm1_ = register_module("norm1", norm(options.width));
  self_attention_ = register_module("self_attention", std::make_shared<Attention>(options));
  norm2_ = register_module("norm2", norm(options.width));
  attention_ = register_module("attention", std::make_shared<Attention>(options));
  norm3_ = register_module("norm3", norm(options.width));
  rise_ = register_module("rise", torch::nn::Linear(options.width, options.feed_forward));
  fall_ = register_module("fall", torch::nn::Linear(options.feed_forward, options.width));
}

torch::Tensor DecoderLayer::forward(torch::Tensor x, const torch::Tensor& memory,
                                    const torch::Tensor& causal_mask, const torch::Tensor& memory_mask) {
  const torch::Tensor normed = norm1_->forward(x);
  x = x + self_attention_->forward(normed, normed, causal_mask);
  x = x + attention_->forward(norm2_->forward(x), memory, memory_mask);
  return x + fall_->forward(rise_->forward(norm3_->forward(x)).relu());
}

torch::Tensor padding_mask(const torch::Tensor& words) {
  return (words.eq(data::kPadding).to(torch::kFloat32) * kHidden).unsqueeze(1).unsqueeze(1);
}

torch::Tensor causal_mask(int64_t length, const torch::TensorOptions& options) {
  return torch::full({length, length}, kHidden, options).triu(1);
}

torch::Tensor position_codes(int64_t length, int64_t width, const torch::TensorOptions& options) {
  const torch::Tensor place = torch::arange(length, options).unsqueeze(1);
  const torch::Tensor pair = torch::arange((width + 1) / 2, options).unsqueeze(0);
  const torch::Tensor angle = place * torch::pow(1e4, -2 * pair / static_cast<double>(width));
  return torch::stack({angle.sin(), angle.cos()}, 2).flatten(1).slice(1, 0, width);
}

}  // namespace lathe::nn
