#include <torch/torch.h>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

using Function = torch::Tensor (*)(const torch::Tensor&, const std::vector<int64_t>&, bool);

Shape reduced(const Shape& shape, const std::vector<int64_t>& axes, bool keep) {
  Shape result;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool goes = std::count(axes.begin(), axes.end(), static_cast<int64_t>(i)) > 0;
    if (!goes)
      result.push_back(shape[i]);
    else if (keep)
      result.push_back(1);
  }
  return result;
}

Types reduction_types(const Node& node, const Types& types) {
  if (types[0].dtype == DType::boolean) refuse(node, "its input is bool, wants numbers");
  if (node.op == "mean") want_float(node, types[0], "its input");
  const auto which = axes(node, types[0].shape.size());
  if (node.op != "sum" && node.op != "prod")
    for (const int64_t axis : which)
      if (types[0].shape[static_cast<size_t>(axis)] == 0)
        refuse(node, "its input {} has nothing along axis {}", compile::to_string(types[0]), axis);
  return {{types[0].dtype, reduced(types[0].shape, which, node.integer("keepdims") != 0)}};
}

torch::Tensor product(const torch::Tensor& x, std::vector<int64_t> axes, bool keep) {
  std::sort(axes.rbegin(), axes.rend());
  torch::Tensor result = x;
  for (const int64_t axis : axes) result = result.prod(axis, keep, x.scalar_type());
  return result;
}

const std::pair<const char*, Function> kReductions[] = {
    {"sum", [](const torch::Tensor& x, const std::vector<int64_t>& axes,
               bool keep) { return x.sum(axes, keep, x.scalar_type()); }},
    {"mean",
     [](const torch::Tensor& x, const std::vector<int64_t>& axes, bool keep) { return x.mean(axes, keep); }},
    {"prod", [](const torch::Tensor& x, const std::vector<int64_t>& axes,
                bool keep) { return product(x, axes, keep); }},
    {"max",
     [](const torch::Tensor& x, const std::vector<int64_t>& axes, bool keep) { return x.amax(axes, keep); }},
    {"min",
     [](const torch::Tensor& x, const std::vector<int64_t>& axes, bool keep) { return x.amin(axes, keep); }},
};

Types arg_types(const Node& node, const Types& types) {
  if (types[0].dtype == DType::boolean) refuse(node, "its input is bool, wants numbers");
  const int64_t which = axis(node, types[0].shape.size());
  if (types[0].shape[static_cast<size_t>(which)] == 0)
    refuse(node, "its input {} has nothing along axis {}", compile::to_string(types[0]), which);
  return {{DType::i64, reduced(types[0].shape, {which}, node.integer("keepdims") != 0)}};
}

// Of equal ones the first.
Tensors arg(const Node& node, const Tensors& inputs) {
  const int64_t axis = node.integer("axis");
  const auto order = at::sort(inputs[0], /*stable=*/true, axis, /*descending=*/node.op == "argmax");
  const torch::Tensor first = std::get<1>(order).narrow(axis, 0, 1);
  return {node.integer("keepdims") != 0 ? first : first.squeeze(axis)};
}

Types topk_types(const Node& node, const Types& types) {
  if (types[0].dtype == DType::boolean) refuse(node, "its input is bool, wants numbers");
  const auto which = static_cast<size_t>(axis(node, types[0].shape.size()));
  node.integer("largest");
  const int64_t k = node.integer("k");
  if (k < 1 || k > types[0].shape[which])
    refuse(node, "k is {}, must be at least 1 and at most {}", k, types[0].shape[which]);
  Shape out = types[0].shape;
  out[which] = k;
  return {{types[0].dtype, out}, {DType::i64, out}};
}

Tensors topk(const Node& node, const Tensors& inputs) {
  const int64_t axis = node.integer("axis"), k = node.integer("k");
  const auto order = at::sort(inputs[0], /*stable=*/true, axis, /*descending=*/node.integer("largest") != 0);
  return {std::get<0>(order).narrow(axis, 0, k), std::get<1>(order).narrow(axis, 0, k)};
}

Types softmax_types(const Node& node, const Types& types) {
  want_float(node, types[0], "its input");
  axis(node, types[0].shape.size());
  return types;
}

}  // namespace

void add_reduction_ops(Table& table) {
  for (const auto& [name, function] : kReductions)
    add(table, {.name = name,
                .kind = OpClass::reduction,
                .infer = reduction_types,
                .evaluate = [function = function](const Node& node, const Tensors& inputs) {
                  const auto& axes = node.integers("axes");
                  return Tensors{axes.empty() ? inputs[0]
                                              : function(inputs[0], axes, node.integer("keepdims") != 0)};
                }});
  for (const char* name : {"argmax", "argmin"})
    add(table, {.name = name, .kind = OpClass::reduction, .infer = arg_types, .evaluate = arg});
  add(table, {.name = "topk", .kind = OpClass::opaque, .infer = topk_types, .evaluate = topk});
  add(table, {.name = "softmax",
              .kind = OpClass::reduction,
              .infer = softmax_types,
              .evaluate = [](const Node& node, const Tensors& inputs) {
                return Tensors{inputs[0].softmax(node.integer("axis"))};
              }});
  add(table, {.name = "log_softmax",
              .kind = OpClass::reduction,
              .infer = softmax_types,
              .evaluate = [](const Node& node, const Tensors& inputs) {
                return Tensors{inputs[0].log_softmax(node.integer("axis"))};
              }});
}

}  // namespace lathe::compile::ops
