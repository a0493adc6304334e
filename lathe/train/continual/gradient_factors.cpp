#include "lathe/train/continual/gradient_factors.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/generated/Functions.h>
#include <torch/torch.h>

#include <unordered_map>

namespace lathe::train::continual {
namespace {

using torch::autograd::Node;
using torch::autograd::variable_list;

class KeepDeltas : public torch::autograd::FunctionPreHook {
 public:
  explicit KeepDeltas(std::shared_ptr<torch::Tensor> deltas) : deltas_(std::move(deltas)) {}
  variable_list operator()(const variable_list& gradients) override {
    *deltas_ = gradients[0];
    return gradients;
  }

 private:
  std::shared_ptr<torch::Tensor> deltas_;
};

// x · Wᵀ, or b + x · Wᵀ, as it is in the graph.
struct MatrixProduct {
  torch::Tensor inputs;
  Node* transposed_weight = nullptr;
};

std::optional<MatrixProduct> matrix_product(Node& node) {
  if (auto* product = dynamic_cast<torch::autograd::generated::MmBackward0*>(&node))
    return MatrixProduct{product->self_.unpack(), node.next_edge(1).function.get()};
  auto* product = dynamic_cast<torch::autograd::generated::AddmmBackward0*>(&node);
  if (!product || product->alpha.toDouble() != 1) return std::nullopt;
  return MatrixProduct{product->mat1_.unpack(), node.next_edge(2).function.get()};
}

// Every node that the loss depends on, with the number of edges into it.
std::unordered_map<Node*, int> graph_of(const torch::Tensor& loss) {
  std::unordered_map<Node*, int> edges;
  std::vector<Node*> open = {loss.grad_fn().get()};
  while (!open.empty()) {
    Node* node = open.back();
    open.pop_back();
    for (const torch::autograd::Edge& edge : node->next_edges())
      if (edge.function && ++edges[edge.function.get()] == 1) open.push_back(edge.function.get());
  }
  return edges;
}

}  // namespace

void FactorWatch::begin(const torch::Tensor& loss, const std::vector<Layer>& layers) {
  products_.assign(layers.size(), {});
  const std::unordered_map<Node*, int> graph = graph_of(loss);
  std::unordered_map<Node*, size_t> layer_of;
  for (size_t i = 0; i < layers.size(); ++i)
    if (const auto weight = torch::autograd::impl::grad_accumulator(layers[i].weight);
        weight && layers[i].weight.dim() == 2 && graph.count(weight.get()) && graph.at(weight.get()) == 1)
      layer_of[weight.get()] = i;
  if (layer_of.empty()) return;
  for (const auto& [node, edges] : graph) {
    const auto product = matrix_product(*node);
    if (!product || !product->transposed_weight || graph.at(product->transposed_weight) != 1) continue;
    const auto* transpose = dynamic_cast<torch::autograd::generated::TBackward0*>(product->transposed_weight);
    const auto layer = transpose ? layer_of.find(transpose->next_edge(0).function.get()) : layer_of.end();
    if (layer == layer_of.end()) continue;
    products_[layer->second] = {product->inputs, std::make_shared<torch::Tensor>()};
    node->add_pre_hook(std::make_unique<KeepDeltas>(products_[layer->second].deltas));
  }
}

std::optional<GradientFactors> FactorWatch::take(size_t layer) {
  if (layer >= products_.size() || !products_[layer].deltas) return std::nullopt;
  const Product product = std::exchange(products_[layer], {});
  if (!product.deltas->defined()) return std::nullopt;
  return GradientFactors{product.inputs, *product.deltas};
}

}  // namespace lathe::train::continual
