#include <torch/torch.h>

#include <cmath>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

bool is_byte(DType dtype) {
  return dtype == DType::u8 || dtype == DType::i8;
}

// Checks scale[] and zero_point[] against the input.
void want_scales(const Node& node, const Type& type, double low, double high) {
  const auto scales = numbers(node, "scale"), zeros = numbers(node, "zero_point");
  if (scales.empty() || scales.size() != zeros.size())
    refuse(node, "has {} scales and {} zero points; it must be as many, and at least one", scales.size(),
           zeros.size());
  for (const double scale : scales)
    if (!(scale > 0) || std::isinf(scale)) refuse(node, "scale has {}, must be positive", scale);
  for (const double zero : zeros)
    if (zero < low || zero > high || zero != std::floor(zero))
      refuse(node, "zero_point has {}, must be an integer from {} to {}", zero, low, high);
  if (scales.size() == 1) return;
  const auto which = static_cast<size_t>(axis(node, type.shape.size()));
  if (static_cast<int64_t>(scales.size()) != type.shape[which])
    refuse(node, "has {} scales for the {} indices of axis {} of {}", scales.size(), type.shape[which], which,
           compile::to_string(type));
}

torch::Tensor along_axis(const Node& node, std::string_view name, const torch::Tensor& x,
                         torch::ScalarType type) {
  const auto values = numbers(node, name);
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  if (values.size() > 1) shape[static_cast<size_t>(node.integer("axis"))] = -1;
  return torch::tensor(values, torch::kFloat64).to(type).reshape(shape);
}

Types quantize_types(const Node& node, const Types& types) {
  want_float(node, types[0], "x");
  const DType to = dtype_of(node.text("dtype"));
  if (!is_byte(to)) refuse(node, "dtype is {}, must be u8 or i8", node.text("dtype"));
  want_scales(node, types[0], to == DType::u8 ? 0 : -128, to == DType::u8 ? 255 : 127);
  return {{to, types[0].shape}};
}

Tensors quantize(const Node& node, const Tensors& inputs) {
  const torch::Tensor& x = inputs[0];
  const auto to = scalar_type(dtype_of(node.text("dtype")));
  const torch::Tensor steps = (x / along_axis(node, "scale", x, x.scalar_type())).round();
  const torch::Tensor q = steps + along_axis(node, "zero_point", x, x.scalar_type());
  return {(to == torch::kUInt8 ? q.clamp(0, 255) : q.clamp(-128, 127)).to(to)};
}

Types dequantize_types(const Node& node, const Types& types) {
  const DType from = types[0].dtype;
  if (!is_byte(from) && from != DType::i32)
    refuse(node, "its input is {}, wants u8, i8 or i32", compile::to_string(types[0]));
  const double most = from == DType::i32 ? 0 : from == DType::u8 ? 255 : 127;
  want_scales(node, types[0], from == DType::i8 ? -128 : 0, most);
  return {{DType::f32, types[0].shape}};
}

Tensors dequantize(const Node& node, const Tensors& inputs) {
  const torch::Tensor& q = inputs[0];
  const torch::Tensor steps = q.to(torch::kInt32) - along_axis(node, "zero_point", q, torch::kInt32);
  return {steps.to(torch::kFloat32) * along_axis(node, "scale", q, torch::kFloat32)};
}

}  // namespace

void add_quantization_ops(Table& table) {
  table.elementwise.insert({"quantize", "dequantize"});
  add(table, {.name = "quantize", .kind = OpClass::injective, .infer = quantize_types, .evaluate = quantize});
  add(table,
      {.name = "dequantize", .kind = OpClass::injective, .infer = dequantize_types, .evaluate = dequantize});
}

}  // namespace lathe::compile::ops
