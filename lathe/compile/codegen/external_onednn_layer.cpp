#include "lathe/compile/codegen/external_onednn_layer.h"

#include <algorithm>
#include <numeric>

namespace lathe::compile::codegen {
namespace {

constexpr int kColumns = 64, kRows = 16, kChannels = 32;  // of a piece at least, for oneDNN's register tiles

int64_t whole_blocks(int64_t channels, int block) {
  return (channels + block - 1) / block * block;
}

Shape dense_extents(const Value& value) {
  const Shape& s = value.type.shape;
  const int block = value.layout.block;
  if (block <= 1) return s;
  return {s[0], whole_blocks(s[1], block) / block, s[2], s[3], block};
}

// Zeros behind along the first two axes.
torch::Tensor widened(const torch::Tensor& tensor, int64_t first, int64_t second) {
  if (tensor.size(0) == first && tensor.size(1) == second) return tensor.contiguous();
  std::vector<int64_t> sizes = tensor.sizes().vec();
  sizes[0] = first, sizes[1] = second;
  torch::Tensor result = torch::zeros(sizes);
  result.slice(0, 0, tensor.size(0)).slice(1, 0, tensor.size(1)).copy_(tensor);
  return result;
}

// Several examples are cut between them, one by its channels.
void cut_convolution(OnednnLayer& layer) {
  lathe_onednn_call& call = layer.call;
  const auto rank = static_cast<int32_t>(layer.y_extents.size());
  if (call.y[0] > 1) {
    call.split_axis = 0;
    call.split_dim = rank - 1;
    layer.units = call.y[0];
    return;
  }
  call.split_axis = 1;
  call.split_dim = rank - 2;
  layer.units = call.y[1] / call.y_block;
  const int64_t group = std::max(1, call.groups > 1 ? call.y[1] / call.groups / call.y_block : 1);
  const int64_t most = std::max<int64_t>(1, kChannels / call.y_block / group);
  layer.granule = group * std::clamp<int64_t>(layer.units / group / 2, 1, most);
}

OnednnLayer convolution_layer(const Job& job) {
  const Node& node = job.node();
  const Value &x = job.graph.value(node.inputs[0]), &y = job.graph.value(node.outputs[0]);
  const torch::Tensor weights = weight_of(job.graph, node);
  OnednnLayer layer;
  lathe_onednn_call& call = layer.call;
  const bool transposed = node.op == "conv_transpose";
  call.kind = transposed ? LATHE_ONEDNN_TRANSPOSED : LATHE_ONEDNN_CONVOLUTION;
  call.rank = static_cast<int32_t>(x.type.shape.size());
  call.x_block = x.layout.block;
  call.y_block = y.layout.block;
  std::copy(x.type.shape.begin(), x.type.shape.end(), call.x);
  std::copy(y.type.shape.begin(), y.type.shape.end(), call.y);
  call.x[1] = static_cast<int32_t>(whole_blocks(call.x[1], call.x_block));
  call.y[1] = static_cast<int32_t>(whole_blocks(call.y[1], call.y_block));
  const int64_t groups = node.integer("groups");
  // Blocked ones with groups have as many as channels.
  call.groups = groups > 1 && call.y_block > 1 ? call.y[1] : static_cast<int32_t>(groups);
  for (size_t s = 0; s + 2 < x.type.shape.size(); ++s) {
    call.kernel[s] = static_cast<int32_t>(weights.size(static_cast<int64_t>(s) + 2));
    call.stride[s] = static_cast<int32_t>(node.integers("stride")[s]);
    call.dilation[s] = static_cast<int32_t>(node.integers("dilation")[s]);
    call.padding[s] = static_cast<int32_t>(node.integers("padding")[s]);
  }
  layer.x = node.inputs[0];
  layer.weights = transposed ? weights.contiguous() : widened(weights, call.y[1], call.x[1] / call.groups);
  if (node.inputs.size() > 2) {
    const torch::Tensor bias = job.graph.value(node.inputs[2]).constant;
    layer.bias = widened(bias.view({-1, 1}), call.y[1], 1).flatten();
    call.has_bias = 1;
  }
  layer.x_extents = dense_extents(x);
  layer.y_extents = dense_extents(y);
  const double taps = std::accumulate(call.kernel, call.kernel + call.rank - 2, 1.0, std::multiplies<>());
  const Shape &in = x.type.shape, &out = y.type.shape;
  layer.flops = 2 * taps *
                static_cast<double>((transposed ? c10::multiply_integers(in) : c10::multiply_integers(out)) *
                                    (transposed ? out[1] : in[1]) / groups);
  cut_convolution(layer);
  return layer;
}

void cut_product(OnednnLayer& layer) {
  lathe_onednn_call& call = layer.call;
  const bool batched = call.rank == 3,
             by_columns = call.weight_batch == 0 && call.y[call.rank - 1] >= kColumns;
  call.split_axis = batched ? 0 : by_columns ? call.rank - 1 : call.rank - 2;
  call.split_dim = call.rank - 1 - call.split_axis;
  layer.units = call.y[call.split_axis];
  layer.granule = batched ? 1 : by_columns ? kColumns : kRows;
}

// Leading axes of x are rows of one matrix.
OnednnLayer linear_layer(const Job& job) {
  const Node& node = job.node();
  OnednnLayer layer;
  lathe_onednn_call& call = layer.call;
  layer.weights = weight_of(job.graph, node).contiguous();
  const int64_t depth = layer.weights.size(1), columns = layer.weights.size(0);
  const int64_t rows = job.graph.type(node.inputs[0]).numel() / depth;
  layer.x_extents = {rows, depth};
  layer.y_extents = {rows, columns};
  if (node.inputs.size() > 2) {
    layer.bias = job.graph.value(node.inputs[2]).constant.flatten().contiguous();
    call.has_bias = 1;
  }
  layer.x = node.inputs[0];
  return layer;
}

// The leading axes of both operands are the same, or one of them has none.
std::optional<OnednnLayer> product_layer(const Job& job) {
  const Node& node = job.node();
  const Shape &a = job.graph.type(node.inputs[0]).shape, &b = job.graph.type(node.inputs[1]).shape,
              &y = job.graph.type(node.outputs[0]).shape;
  const auto batch = [](const Shape& shape) {
    return c10::multiply_integers(shape.begin(), shape.end() - 2);
  };
  const int64_t count = batch(y);
  if ((batch(a) != count && batch(a) != 1) || (batch(b) != count && batch(b) != 1)) return std::nullopt;
  const auto extents = [&](const Shape& shape) {
    Shape result(shape.end() - 2, shape.end());
    if (count > 1) result.insert(result.begin(), batch(shape));
    return result;
  };
  OnednnLayer layer;
  layer.x = node.inputs[0];
  layer.w = node.inputs[1];
  layer.x_extents = extents(a);
  layer.w_extents = extents(b);
  layer.y_extents = extents(y);
  layer.call.weight_batch = static_cast<int32_t>(batch(b));
  return layer;
}

std::optional<OnednnLayer> complete_product(std::optional<OnednnLayer> layer) {
  if (!layer) return std::nullopt;
  lathe_onednn_call& call = layer->call;
  call.kind = LATHE_ONEDNN_PRODUCT;
  call.rank = static_cast<int32_t>(layer->y_extents.size());
  call.x_block = call.y_block = call.groups = 1;
  std::copy(layer->x_extents.begin(), layer->x_extents.end(), call.x);
  std::copy(layer->y_extents.begin(), layer->y_extents.end(), call.y);
  layer->flops =
      2.0 * static_cast<double>(c10::multiply_integers(layer->y_extents) * layer->x_extents.back());
  cut_product(*layer);
  return layer;
}

}  // namespace

std::optional<OnednnLayer> onednn_layer(const Job& job) {
  if (job.anchor != 0 || job.group.nodes.empty()) return std::nullopt;
  const Node& node = job.node();
  const Graph& graph = job.graph;
  for (ValueId id : node.inputs)
    if (graph.type(id).dtype != DType::f32) return std::nullopt;
  const auto is_constant = [&](size_t i) {
    return i >= node.inputs.size() || graph.value(node.inputs[i]).is_constant();
  };
  if (graph.value(node.inputs[0]).is_constant()) return std::nullopt;
  if ((node.op == "conv" || node.op == "conv_transpose") && is_constant(1) && is_constant(2))
    return convolution_layer(job);
  if (node.op == "linear" && is_constant(1) && is_constant(2)) return complete_product(linear_layer(job));
  if (node.op == "matmul" && !is_constant(1)) return complete_product(product_layer(job));
  return std::nullopt;
}

std::optional<OnednnLayer> reading_border(const Job& job, OnednnLayer layer) {
  const auto& [above, below, left, right] = job.graph.value(layer.x).layout.border;
  if (above + below + left + right == 0) return layer;
  lathe_onednn_call& call = layer.call;
  call.padding[0] -= above;
  call.padding[1] -= left;
  if (call.padding[0] < 0 || call.padding[1] < 0) return std::nullopt;
  call.x[2] += above + below;
  call.x[3] += left + right;
  layer.x_extents[2] += above + below;
  layer.x_extents[3] += left + right;
  return layer;
}

}  // namespace lathe::compile::codegen
