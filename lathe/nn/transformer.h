#pragma once
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

// Layers of the Transformer (Vaswani et al. 2017), normalised before each part (Xiong et al. 2020), without
// dropout. Activations are [B, length, width].
namespace lathe::nn {

struct TransformerOptions {
  int64_t width = 64;
  int64_t num_heads = 4;  // divides the width
  int64_t feed_forward = 128;
};

// softmax(q kᵀ / √(width / num_heads) + mask) v, head by head.
class Attention : public torch::nn::Module {
 public:
  explicit Attention(const TransformerOptions& options);
  // Queries from x [B, T, W], keys and values from y [B, S, W]. mask: added to the scores [B, heads, T, S],
  // broadcast.
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& mask);

 private:
  int64_t num_heads_;
  torch::nn::Linear query_{nullptr}, key_value_{nullptr}, out_{nullptr};
};

// x + attention(x), then x + W ReLU(V x).
class EncoderLayer : public torch::nn::Module {
 public:
  explicit EncoderLayer(const TransformerOptions& options);
  torch::Tensor forward(torch::Tensor x, const torch::Tensor& mask);

 private:
  std::shared_ptr<Attention> attention_;
  torch::nn::Linear rise_{nullptr}, fall_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr};
};

// As the encoder's layer, with attention to the encoder's output between the two.
class DecoderLayer : public torch::nn::Module {
 public:
  explicit DecoderLayer(const TransformerOptions& options);
  torch::Tensor forward(torch::Tensor x, const torch::Tensor& memory, const torch::Tensor& causal_mask,
                        const torch::Tensor& memory_mask);

 private:
  std::shared_ptr<Attention> self_attention_, attention_;
  torch::nn::Linear rise_{nullptr}, fall_{nullptr};
  torch::nn::LayerNorm norm1_{nullptr}, norm2_{nullptr}, norm3_{nullptr};
};

// 0 for what may be looked at, a large negative number for what may not.
torch::Tensor padding_mask(const torch::Tensor& words);                          // [B, S] -> [B, 1, 1, S]
torch::Tensor causal_mask(int64_t length, const torch::TensorOptions& options);  // [T, T]
torch::Tensor position_codes(int64_t length, int64_t width, const torch::TensorOptions& options);  // §3.5

}  // namespace lathe::nn
