#include "lathe/train/invariance/partition_network.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "lathe/nn/initialization.h"

namespace lathe::train::invariance {
namespace {

constexpr int64_t kWidth = 64;
constexpr int64_t kHiddenLayers = 3;
constexpr double kLeastNorm = 1e-12;

torch::Tensor unit(const torch::Tensor& vectors) {  // each row
  return vectors / vectors.norm(2, 1, /*keepdim=*/true).clamp_min(kLeastNorm);
}

// Of each class a layer x ↦ x (W / σ(W))ᵀ + b, with σ as in nn::SpectralNorm. Its uᵀ W v is ‖Wᵀu‖, in value
// and in gradient, where v is the unit vector of Wᵀu.
class SpectralLinear {
 public:
  // Glorot & Bengio 2010, eq. 16.
  SpectralLinear(int64_t in, int64_t out, const torch::TensorOptions& options,
                 const std::vector<core::Seed>& seeds) {
    const double bound = std::sqrt(6.0 / static_cast<double>(in + out));
    std::vector<torch::Tensor> weights, vectors;
    for (const core::Seed& seed : seeds) {
      weights.push_back(
          torch::empty({out, in}).uniform_(-bound, bound, nn::generator(seed.stream("weight"))));
      vectors.push_back(torch::randn({out}, nn::generator(seed.stream("u"))));
    }
    weight_ = torch::stack(weights).to(options).requires_grad_();
    u_ = unit(torch::stack(vectors)).to(options);
  }

  const torch::Tensor& weight() const { return weight_; }  // [C, out, in]

  torch::Tensor normalised() const {
    return weight_ / onto_inputs(u_).norm(2, {1, 2}, /*keepdim=*/true).clamp_min(kLeastNorm);
  }

  void iterate_power() {
    const torch::NoGradGuard no_grad;
    const torch::Tensor v = unit(onto_inputs(u_).squeeze(1)).unsqueeze(1);
    u_ = unit((weight_ * v).sum(2));
  }

 private:
  torch::Tensor onto_inputs(const torch::Tensor& u) const {  // Wᵀu, [C, 1, in]
    return (weight_ * u.unsqueeze(2)).sum(1, /*keepdim=*/true);
  }

  torch::Tensor weight_, u_;
};

std::vector<core::Seed> streams(std::vector<core::Seed> seeds,
                                const std::function<core::Seed(const core::Seed&)>& stream) {
  std::transform(seeds.begin(), seeds.end(), seeds.begin(), stream);
  return seeds;
}

// φ_c of all classes, their parameters stacked. Layer norm has a shift and no scale: a scale would undo the
// spectral norm.
class PartitionNetworks {
 public:
  PartitionNetworks(int64_t num_inputs, const torch::TensorOptions& options,
                    const std::vector<core::Seed>& seeds) {
    const auto num_classes = static_cast<int64_t>(seeds.size());
    for (int64_t i = 0; i < kHiddenLayers; ++i) {
      const int64_t width = kWidth / (i + 1);
      biases_.push_back(torch::zeros({num_classes, 1, width}, options).requires_grad_());
      shifts_.push_back(torch::zeros({num_classes, 1, width}, options).requires_grad_());
      layers_.emplace_back(num_inputs, width, options, streams(seeds, [&](const core::Seed& seed) {
                             return seed.stream(static_cast<uint64_t>(i));
                           }));
      num_inputs = width;
    }
    layers_.emplace_back(num_inputs, 1, options,
                         streams(seeds, [](const core::Seed& seed) { return seed.stream("output"); }));
  }

  std::vector<torch::Tensor> parameters() const {
    std::vector<torch::Tensor> all = shifts_;
    all.insert(all.end(), biases_.begin(), biases_.end());
    for (const SpectralLinear& layer : layers_) all.push_back(layer.weight());
    return all;
  }

  torch::Tensor forward(torch::Tensor x) const {  // [C, B, D] -> [C, B]
    for (size_t i = 0; i < shifts_.size(); ++i) {
      x = torch::baddbmm(biases_[i], x, layers_[i].normalised().transpose(1, 2));
      x = torch::layer_norm(x, {x.size(2)}).add_(shifts_[i]).relu_();
    }
    return (x * layers_.back().normalised()).sum(2);
  }

  void iterate_power() {
    for (SpectralLinear& layer : layers_) layer.iterate_power();
  }

 private:
  std::vector<SpectralLinear> layers_;
  std::vector<torch::Tensor> shifts_, biases_;
};

// Rows begin, begin + 1, … of every class, [C, width]; its last row stands for those that a class lacks.
torch::Tensor rows_from(int64_t begin, int64_t width, const std::vector<ClassRows>& classes) {
  const torch::Tensor positions = torch::arange(begin, begin + width, torch::kInt64);
  std::vector<torch::Tensor> rows;
  for (const ClassRows& c : classes)
    rows.push_back(c.rows.cpu().index_select(0, positions.clamp_max(c.rows.size(0) - 1)));
  return torch::stack(rows);
}

// A batch of every class, [C, width]: drawn without replacement, or the whole class where that is no larger.
class Batches {
 public:
  Batches(const std::vector<ClassRows>& classes, int64_t width) : rows_(rows_from(0, width, classes)) {
    for (const ClassRows& c : classes) {
      const torch::Tensor all = c.rows.cpu().contiguous();
      members_.emplace_back(all.data_ptr<int64_t>(), all.data_ptr<int64_t>() + all.size(0));
      randoms_.push_back(c.seed.stream("batches").random());
    }
  }

  // float: 1 for rows of the class, 0 for those that stand for missing ones.
  torch::Tensor mask() const {
    std::vector<int64_t> counts;
    for (const auto& members : members_) counts.push_back(static_cast<int64_t>(members.size()));
    return torch::arange(rows_.size(1), torch::kInt64)
        .lt(torch::tensor(counts, torch::kInt64).unsqueeze(1))
        .to(torch::kFloat32);
  }

  const torch::Tensor& draw() {
    const auto width = static_cast<size_t>(rows_.size(1));
    int64_t* row = rows_.data_ptr<int64_t>();
    for (size_t c = 0; c < members_.size(); ++c, row += width) {
      const std::vector<int64_t>& members = members_[c];
      if (members.size() <= width) continue;
      const std::vector<int64_t> order = randoms_[c].permutation(static_cast<int64_t>(members.size()));
      for (size_t i = 0; i < width; ++i) row[i] = members[static_cast<size_t>(order[i])];
    }
    return rows_;
  }

 private:
  torch::Tensor rows_;
  std::vector<std::vector<int64_t>> members_;
  std::vector<core::Random> randoms_;
};

// [N, D], [C, B] -> [C, B, D]
torch::Tensor gathered(const torch::Tensor& values, const torch::Tensor& rows) {
  return values.index_select(0, rows.flatten().to(values.device())).view({rows.size(0), rows.size(1), -1});
}

// The sum over both parts and all classes of R + λ_p G. weights: [C, 2, B]; gradients_losses: [C, B, K + 1].
torch::Tensor violation(const torch::Tensor& weights, const torch::Tensor& gradients_losses, double penalty) {
  const torch::Tensor means = torch::bmm(weights / weights.sum(2, /*keepdim=*/true), gradients_losses);
  const int64_t num_gradients = means.size(2) - 1;
  return means.select(2, num_gradients).sum() + penalty * means.narrow(2, 0, num_gradients).square().sum();
}

}  // namespace

torch::Tensor soft_partition(const torch::Tensor& features, const torch::Tensor& losses,
                             const torch::Tensor& gradients, const std::vector<ClassRows>& classes,
                             const GroupInferenceOptions& options) {
  torch::Tensor second = torch::zeros_like(losses, torch::kBool);
  if (classes.empty()) return second;
  int64_t largest = 0;
  std::vector<core::Seed> seeds;
  for (const ClassRows& c : classes) {
    largest = std::max(largest, c.rows.size(0));
    seeds.push_back(c.seed.stream("network"));
  }
  const int64_t width = std::min(options.batch, largest);
  Batches batches(classes, width);
  const torch::Tensor mask = batches.mask().to(features.options()).unsqueeze(1);
  const torch::Tensor gradients_losses = torch::cat({gradients, losses.unsqueeze(1)}, 1);

  PartitionNetworks networks(features.size(1), features.options().requires_grad(false), seeds);
  torch::optim::Adam adam(networks.parameters(), torch::optim::AdamOptions(options.lr));
  for (int64_t i = 0; i < options.iterations; ++i) {
    const torch::Tensor& rows = batches.draw();
    networks.iterate_power();
    const torch::Tensor t =
        torch::tanh(networks.forward(gathered(features, rows)) / options.temperature).unsqueeze(1);
    const torch::Tensor weights = torch::cat({1 + t, 1 - t}, 1) * (0.5 * mask);
    adam.zero_grad();
    (-0.5 * violation(weights, gathered(gradients_losses, rows), options.penalty)).backward();
    adam.step();
  }

  const torch::NoGradGuard no_grad;
  for (int64_t begin = 0; begin < largest; begin += width) {
    const torch::Tensor rows = rows_from(begin, width, classes);
    second.index_put_({rows.to(second.device())}, networks.forward(gathered(features, rows)).ge(0));
  }
  return second;
}

}  // namespace lathe::train::invariance
