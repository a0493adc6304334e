#include <ATen/ATen.h>

#include "lathe/compile/passes.h"
#include "lathe/compile/passes/affine.h"

namespace lathe::compile {
namespace {

std::optional<ValueId> fold(Rewriter& g, const Node& node, const Type& result) {
  if (node.op != "batch_norm") return std::nullopt;
  std::vector<torch::Tensor> statistics;  // γ, β, μ, σ²
  for (size_t i = 1; i < 5; ++i) {
    if (!g.constant(node.inputs[i]).defined()) return std::nullopt;
    statistics.push_back(g.constant(node.inputs[i]).to(torch::kFloat64));
  }
  const torch::NoGradGuard no_grad;
  const torch::Tensor scale = statistics[0] / (statistics[3] + node.number("eps")).sqrt();
  const torch::Tensor shift = statistics[1] - statistics[2] * scale;
  const ValueId x = node.inputs[0];
  const Node* layer = g.maker(x);
  if (layer && channel_axis(*layer, result.shape) == size_t{1})
    if (const auto folded = scale_layer(g, x, scale, shift, node.source)) return folded;
  std::vector<int64_t> shape(result.shape.size() - 1, 1);
  shape[0] = -1;
  const auto kind = scalar_type(result.dtype);
  const ValueId product = g.add("mul", {x, g.add_constant(scale.to(kind).reshape(shape))}, {}, node.source);
  return g.add("add", {product, g.add_constant(shift.to(kind).reshape(shape))}, {}, node.source);
}

}  // namespace

Graph fold_batch_norm(Graph graph) {
  return rewrite(graph, {fold});
}

}  // namespace lathe::compile
