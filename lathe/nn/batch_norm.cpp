#include "lathe/nn/batch_norm.h"

#include <torch/torch.h>

namespace lathe::nn {
namespace {

template <typename Visit>
void for_each_batch_norm(torch::nn::Module& module, const Visit& visit) {
  if (auto* layer = module.as<torch::nn::BatchNorm1dImpl>()) visit(*layer);
  if (auto* layer = module.as<torch::nn::BatchNorm2dImpl>()) visit(*layer);
  if (auto* layer = module.as<torch::nn::BatchNorm3dImpl>()) visit(*layer);
  for (const auto& child : module.children()) for_each_batch_norm(*child, visit);
}

// One layer's flag, momentum and counter while its statistics are taken anew.
class Saved {
 public:
  template <typename Layer>
  explicit Saved(Layer& layer) {
    const bool training = layer.is_training();
    const auto momentum = layer.options.momentum();
    const torch::Tensor count =
        layer.num_batches_tracked.defined() ? layer.num_batches_tracked.clone() : torch::Tensor();
    restore_ = [&layer, training, momentum, count] {
      layer.train(training);
      layer.options.momentum(momentum);
      if (count.defined()) layer.num_batches_tracked.copy_(count);
    };
    layer.options.momentum(c10::nullopt);  // cumulative average
    if (layer.running_mean.defined()) layer.reset_running_stats();
    layer.train();
  }
  Saved(Saved&& other) noexcept : restore_(std::exchange(other.restore_, {})) {}
  ~Saved() {
    if (restore_) restore_();
  }

 private:
  std::function<void()> restore_;
};

}  // namespace

bool has_batch_norm(torch::nn::Module& module) {
  bool found = false;
  for_each_batch_norm(module, [&](auto&) { found = true; });
  return found;
}

void recompute_batch_norm(torch::nn::Module& module, const std::function<void()>& feed) {
  if (!has_batch_norm(module)) return;
  const torch::NoGradGuard no_grad;
  const EvaluationMode evaluation(module);
  std::vector<Saved> saved;
  for_each_batch_norm(module, [&](auto& layer) { saved.emplace_back(layer); });
  feed();
}

void recompute_batch_norm(Model& model, const torch::Tensor& inputs, int64_t batch_size) {
  recompute_batch_norm(model, [&] {
    const torch::Device device = device_of(model);
    const int64_t n = inputs.size(0), batches = (n + batch_size - 1) / batch_size;
    for (int64_t i = 0; i < batches; ++i)
      model.forward(inputs.slice(0, n * i / batches, n * (i + 1) / batches).to(device));
  });
}

BatchStatistics::BatchStatistics(torch::nn::Module& module) : buffers_(module) {
  for_each_batch_norm(module, [&](auto& layer) {
    layers_.emplace_back(&layer, layer.is_training());
    layer.train();
  });
}

BatchStatistics::~BatchStatistics() {
  for (const auto& [layer, training] : layers_) layer->train(training);
  buffers_.restore();
}

}  // namespace lathe::nn
