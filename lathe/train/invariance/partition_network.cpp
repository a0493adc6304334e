#include "lathe/train/invariance/partition_network.h"

#include <torch/torch.h>

#include "lathe/nn/initialization.h"
#include "lathe/nn/spectral_norm.h"

namespace lathe::train::invariance {
namespace {

constexpr int64_t kWidth = 64;
constexpr int64_t kHiddenLayers = 3;

// x ↦ x (W / σ(W))ᵀ + b
struct SpectralLinear {
  torch::Tensor weight, bias;
  std::shared_ptr<nn::SpectralNorm> norm;
};

// φ_c. Layer norm has a shift and no scale: a scale would undo the spectral norm.
class PartitionNetwork {
 public:
  PartitionNetwork(int64_t num_inputs, const torch::TensorOptions& options, core::Seed seed) {
    for (int64_t i = 0; i < kHiddenLayers; ++i) {
      const int64_t width = kWidth / (i + 1);
      hidden_.push_back(layer(num_inputs, width, options, seed.stream(static_cast<uint64_t>(i))));
      shifts_.push_back(torch::zeros({width}, options).requires_grad_());
      num_inputs = width;
    }
    output_ = layer(num_inputs, 1, options, seed.stream("output"));
  }

  std::vector<torch::Tensor> parameters() const {
    std::vector<torch::Tensor> all = shifts_;
    for (const SpectralLinear& linear : hidden_) all.insert(all.end(), {linear.weight, linear.bias});
    all.push_back(output_.weight);
    return all;
  }

  torch::Tensor forward(torch::Tensor x) {  // [N, D] -> [N]
    for (size_t i = 0; i < hidden_.size(); ++i) {
      x = torch::linear(x, hidden_[i].norm->forward(hidden_[i].weight), hidden_[i].bias);
      x = torch::relu(torch::layer_norm(x, {x.size(1)}, {}, shifts_[i]));
    }
    return torch::linear(x, output_.norm->forward(output_.weight)).squeeze(1);
  }

  void eval() {
    for (const SpectralLinear& linear : hidden_) linear.norm->eval();
    output_.norm->eval();
  }

 private:
  // Glorot & Bengio 2010, eq. 16.
  static SpectralLinear layer(int64_t in, int64_t out, const torch::TensorOptions& options, core::Seed seed) {
    const double bound = std::sqrt(6.0 / static_cast<double>(in + out));
    torch::Tensor weight =
        torch::empty({out, in}).uniform_(-bound, bound, nn::generator(seed.stream("weight")));
    auto norm = std::make_shared<nn::SpectralNorm>(nn::SpectralNormOptions{.rows = out});
    norm->initialize(seed.stream("u"));
    norm->to(options.device());
    return {weight.to(options).requires_grad_(), torch::zeros({out}, options).requires_grad_(), norm};
  }

  std::vector<SpectralLinear> hidden_;
  std::vector<torch::Tensor> shifts_;
  SpectralLinear output_;
};

// R + λ_p G of the samples weighted with `weights`.
torch::Tensor violation(const torch::Tensor& weights, const torch::Tensor& losses,
                        const torch::Tensor& gradients, double penalty) {
  const torch::Tensor share = weights / weights.sum();
  return torch::dot(share, losses) + penalty * torch::mv(gradients.t(), share).square().sum();
}

torch::Tensor drawn(int64_t count, int64_t batch, core::Random& random, torch::Device device) {
  if (count <= batch) return torch::arange(count, torch::dtype(torch::kInt64).device(device));
  std::vector<int64_t> indices = random.permutation(count);
  indices.resize(static_cast<size_t>(batch));
  return torch::tensor(indices, torch::kInt64).to(device);
}

}  // namespace

torch::Tensor soft_partition(const torch::Tensor& features, const torch::Tensor& losses,
                             const torch::Tensor& gradients, const GroupInferenceOptions& options,
                             core::Seed seed) {
  PartitionNetwork network(features.size(1), features.options().requires_grad(false), seed.stream("network"));
  torch::optim::Adam adam(network.parameters(), torch::optim::AdamOptions(options.lr));
  core::Random random = seed.stream("batches").random();
  for (int64_t i = 0; i < options.iterations; ++i) {
    const torch::Tensor batch = drawn(features.size(0), options.batch, random, features.device());
    const torch::Tensor x = features.index_select(0, batch), l = losses.index_select(0, batch),
                        g = gradients.index_select(0, batch);
    const torch::Tensor alpha = 0.5 * (1 + torch::tanh(network.forward(x) / options.temperature));
    const torch::Tensor objective =
        0.5 * (violation(alpha, l, g, options.penalty) + violation(1 - alpha, l, g, options.penalty));
    adam.zero_grad();
    (-objective).backward();
    adam.step();
  }
  network.eval();
  const torch::NoGradGuard no_grad;
  return network.forward(features).ge(0);
}

}  // namespace lathe::train::invariance
