#include "lathe/train/continual/interference.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "lathe/core/error.h"

namespace lathe::train::continual {
namespace {

// W x of rows x [groups, m, d]: [m, out].
torch::Tensor outputs_of(const Layer& layer, const torch::Tensor& rows) {
  const torch::Tensor weight =
      layer.weight.detach().reshape({layer.groups, layer.weight.size(0) / layer.groups, layer.inputs()});
  return rows.to(weight.device()).bmm(weight.transpose(1, 2)).transpose(0, 1).flatten(1).cpu();
}

// At most `count` of the rows [groups, m, d], in their order.
torch::Tensor some_of(const torch::Tensor& rows, int64_t count, core::Seed seed) {
  if (rows.size(1) <= count) return rows.clone();
  std::vector<int64_t> chosen = seed.random().permutation(rows.size(1));
  chosen.resize(static_cast<size_t>(count));
  std::sort(chosen.begin(), chosen.end());
  return rows.index_select(1, torch::tensor(chosen).to(rows.device()));
}

}  // namespace

double Interference::mean() const {
  double sum = 0, count = 0;
  for (const std::vector<double>& layer : values) {
    sum = std::accumulate(layer.begin(), layer.end(), sum);
    count += static_cast<double>(layer.size());
  }
  return sum / count;
}

std::vector<Layer> shared_layers(const nn::Model& model) {
  return find_layers(model, head_names(model)).layers;
}

InterferenceProbe::InterferenceProbe(const std::vector<Layer>& layers, const std::function<void()>& forward,
                                     int64_t max_inputs, core::Seed seed)
    : seen_(layers.size()) {
  const torch::NoGradGuard no_grad;
  // Of each call in which a layer shows its inputs some, of these some.
  std::vector<std::vector<torch::Tensor>> calls(layers.size());
  for_each_input(layers, forward, [&](size_t i, const torch::Tensor& rows) {
    calls[i].push_back(some_of(rows, max_inputs, seed.stream(i).stream(calls[i].size())));
  });
  for (size_t i = 0; i < layers.size(); ++i) {
    torch::Tensor& inputs = seen_[i].inputs;
    inputs = calls[i].empty() ? layers[i].weight.detach().new_empty({layers[i].groups, 0, layers[i].inputs()})
                              : some_of(torch::cat(calls[i], 1), max_inputs, seed.stream(i));
    inputs = inputs.cpu();
    seen_[i].outputs = outputs_of(layers[i], inputs);
  }
}

Interference InterferenceProbe::measure(const std::vector<Layer>& layers) const {
  Interference found;
  for (size_t i = 0; i < seen_.size(); ++i) {
    const torch::Tensor& before = seen_[i].outputs;
    const torch::Tensor change = outputs_of(layers[i], seen_[i].inputs) - before;
    const torch::Tensor ratio = change.norm(2, 1) / before.norm(2, 1);
    const torch::Tensor values = ratio.masked_select(ratio.isfinite()).to(torch::kFloat64);
    if (values.numel() == 0) continue;
    found.layers.push_back(layers[i].name);
    found.values.emplace_back(values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
  }
  return found;
}

void InterferenceProbe::save(torch::serialize::OutputArchive& archive) const {
  for (size_t i = 0; i < seen_.size(); ++i) {
    archive.write(fmt::format("inputs{}", i), seen_[i].inputs, /*is_buffer=*/true);
    archive.write(fmt::format("outputs{}", i), seen_[i].outputs, /*is_buffer=*/true);
  }
}

void InterferenceProbe::load(torch::serialize::InputArchive& archive, const std::vector<Layer>& layers) {
  std::vector<Seen> seen(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    auto& [inputs, outputs] = seen[i];
    archive.read(fmt::format("inputs{}", i), inputs, /*is_buffer=*/true);
    archive.read(fmt::format("outputs{}", i), outputs, /*is_buffer=*/true);
    const int64_t groups = layers[i].groups, count = inputs.dim() == 3 ? inputs.size(1) : 0;
    if (inputs.sizes() != torch::IntArrayRef({groups, count, layers[i].inputs()}) ||
        outputs.sizes() != torch::IntArrayRef({count, layers[i].weight.size(0)}) ||
        inputs.scalar_type() != layers[i].weight.scalar_type() ||
        outputs.scalar_type() != layers[i].weight.scalar_type())
      throw Error("what was kept of {}'s inputs is of another layer", layers[i].name);
  }
  seen_ = std::move(seen);
}

}  // namespace lathe::train::continual
