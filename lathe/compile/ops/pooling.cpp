#include <torch/torch.h>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

struct Pool {
  std::vector<int64_t> kernel, stride, padding, dilation, extra;
};

Pool pool(const Node& node, size_t spatial) {
  Pool pool{integers(node, "kernel", spatial, 1), integers(node, "stride", spatial, 1),
            integers(node, "padding", 2 * spatial, 0), std::vector<int64_t>(spatial, 1),
            std::vector<int64_t>(spatial, 0)};
  if (node.op == "max_pool") pool.dilation = integers(node, "dilation", spatial, 1);
  if (node.has("extra")) pool.extra = integers(node, "extra", spatial, 0);
  return pool;
}

size_t want_images(const Node& node, const Types& types) {
  want_rank(node, types[0], "x", 3);
  if (types[0].shape.size() > 5)
    refuse(node, "x is {}, has more than 3 spatial axes", compile::to_string(types[0]));
  if (types[0].dtype == DType::boolean) refuse(node, "x is bool, wants numbers");
  return types[0].shape.size() - 2;
}

Types pool_types(const Node& node, const Types& types) {
  const size_t spatial = want_images(node, types);
  if (node.op == "avg_pool") {
    want_float(node, types[0], "x");
    node.integer("count_include_pad");
  }
  const Pool p = pool(node, spatial);
  Shape out = {types[0].shape[0], types[0].shape[1]};
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t reach = p.dilation[i] * (p.kernel[i] - 1) + 1;
    const int64_t size = types[0].shape[2 + i] + p.padding[i] + p.padding[spatial + i];
    if (p.padding[i] >= reach || p.padding[spatial + i] >= reach)
      refuse(node, "padding {} is not smaller than the kernel {}: a window would see nothing",
             to_string(p.padding), to_string(p.kernel));
    if (size + p.extra[i] < reach)
      refuse(node, "its kernel {} does not fit into x {} with padding {}", to_string(p.kernel),
             compile::to_string(types[0]), to_string(p.padding));
    const int64_t last = (size + p.extra[i] - reach) / p.stride[i];
    if (p.extra[i] > 0 && last * p.stride[i] >= types[0].shape[2 + i] + p.padding[i])
      refuse(node, "extra {} makes a window that begins beyond x {}", to_string(p.extra),
             compile::to_string(types[0]));
    out.push_back(last + 1);
  }
  return {{types[0].dtype, out}};
}

// constant_pad_nd wants the last axis first, begin and end of each.
torch::Tensor padded(const torch::Tensor& x, const Pool& p, double value, double beyond) {
  std::vector<int64_t> list, extra;
  const size_t spatial = p.kernel.size();
  for (size_t i = spatial; i-- > 0;) {
    list.insert(list.end(), {p.padding[i], p.padding[spatial + i]});
    extra.insert(extra.end(), {0, p.extra[i]});
  }
  return at::constant_pad_nd(at::constant_pad_nd(x, list, value), extra, beyond);
}

// The sum over each window.
torch::Tensor window_sums(const torch::Tensor& x, const Pool& p) {
  switch (p.kernel.size()) {
    case 1:
      return at::avg_pool2d(x.unsqueeze(2), {1, p.kernel[0]}, {1, p.stride[0]}, {0, 0}, false, true, 1)
          .squeeze(2);
    case 2:
      return at::avg_pool2d(x, p.kernel, p.stride, {0, 0}, false, true, 1);
    default:
      return at::avg_pool3d(x, p.kernel, p.stride, {0, 0, 0}, false, true, 1);
  }
}

Tensors avg_pool(const Node& node, const Tensors& inputs) {
  const torch::Tensor& x = inputs[0];
  const Pool p = pool(node, static_cast<size_t>(x.dim()) - 2);
  std::vector<int64_t> one(x.sizes().begin(), x.sizes().end());
  one[0] = one[1] = 1;
  const double counts = node.integer("count_include_pad") != 0 ? 1 : 0;
  const torch::Tensor count = window_sums(padded(torch::ones(one, x.options()), p, counts, 0), p);
  return {window_sums(padded(x, p, 0, 0), p) / count};
}

torch::Tensor window_maxima(const torch::Tensor& x, const Pool& p) {
  switch (p.kernel.size()) {
    case 1:
      return at::max_pool1d(x, p.kernel, p.stride, {0}, p.dilation);
    case 2:
      return at::max_pool2d(x, p.kernel, p.stride, {0, 0}, p.dilation);
    default:
      return at::max_pool3d(x, p.kernel, p.stride, {0, 0, 0}, p.dilation);
  }
}

Tensors max_pool(const Node& node, const Tensors& inputs) {
  const torch::Tensor& x = inputs[0];
  const Pool p = pool(node, static_cast<size_t>(x.dim()) - 2);
  const double lowest = -std::numeric_limits<double>::infinity();
  const torch::Tensor floats = x.is_floating_point() ? x : x.to(torch::kFloat64);
  return {window_maxima(padded(floats, p, lowest, lowest), p).to(x.scalar_type())};
}

Types adaptive_types(const Node& node, const Types& types) {
  const size_t spatial = want_images(node, types);
  want_float(node, types[0], "x");
  const auto size = integers(node, "output_size", spatial, 1);
  Shape out = {types[0].shape[0], types[0].shape[1]};
  out.insert(out.end(), size.begin(), size.end());
  for (size_t i = 0; i < spatial; ++i)
    if (types[0].shape[2 + i] == 0) refuse(node, "x is {}, has no pixels", compile::to_string(types[0]));
  return {{types[0].dtype, out}};
}

Tensors adaptive_avg(const Node& node, const Tensors& inputs) {
  const auto& size = node.integers("output_size");
  switch (size.size()) {
    case 1:
      return {at::adaptive_avg_pool1d(inputs[0], size)};
    case 2:
      return {at::adaptive_avg_pool2d(inputs[0], size)};
    default:
      return {at::adaptive_avg_pool3d(inputs[0], size)};
  }
}

Tensors adaptive_max(const Node& node, const Tensors& inputs) {
  const auto& size = node.integers("output_size");
  switch (size.size()) {
    case 1:
      return {std::get<0>(at::adaptive_max_pool1d(inputs[0], size))};
    case 2:
      return {std::get<0>(at::adaptive_max_pool2d(inputs[0], size))};
    default:
      return {std::get<0>(at::adaptive_max_pool3d(inputs[0], size))};
  }
}

}  // namespace

void add_pooling_ops(Table& table) {
  const auto one = [&](const char* name, Infer infer, Evaluate evaluate) {
    add(table, {.name = name,
                .kind = OpClass::reduction,
                .infer = std::move(infer),
                .evaluate = std::move(evaluate)});
  };
  one("max_pool", pool_types, max_pool);
  one("avg_pool", pool_types, avg_pool);
  one("adaptive_avg_pool", adaptive_types, adaptive_avg);
  one("adaptive_max_pool", adaptive_types, adaptive_max);
}

}  // namespace lathe::compile::ops
