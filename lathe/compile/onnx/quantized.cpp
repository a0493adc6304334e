#include <torch/torch.h>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

std::vector<double> numbers_of(const torch::Tensor& tensor) {
  const torch::Tensor values = tensor.to(torch::kFloat64).reshape({-1}).contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

using Attributes = std::map<std::string, Attribute>;

// Scale and zero point, inputs i and i + 1, as attributes for x.
Attributes scaling(const Call& call, size_t i, ValueId x, int64_t axis) {
  const auto scales = numbers_of(call.constant(i));
  std::vector<double> zeros(scales.size(), 0);
  if (call.has_input(i + 1)) {
    zeros = numbers_of(call.constant(i + 1));
    if (zeros.size() == 1) zeros.assign(scales.size(), zeros[0]);
  }
  Attributes attributes = {{"scale", scales}, {"zero_point", zeros}};
  if (scales.size() > 1) attributes["axis"] = wrap_axis(axis, call.builder().rank(x), "axis");
  return attributes;
}

std::string byte_type(const Call& call, size_t zero_point) {
  if (!call.has_input(zero_point)) return "u8";
  return std::string(name_of(call.builder().dtype(call.input(zero_point))));
}

ValueId quantized(const Call& call, ValueId x, size_t scale, int64_t axis) {
  auto attributes = scaling(call, scale, x, axis);
  attributes["dtype"] = byte_type(call, scale + 1);
  return call.builder().add("quantize", {x}, attributes);
}

ValueId dequantized(const Call& call, size_t i, int64_t axis) {
  return call.builder().add("dequantize", {call.input(i)}, scaling(call, i + 1, call.input(i), axis));
}

Ids quantize_linear(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = b.dtype(call.input(0)) == DType::i32 ? b.cast(call.input(0), DType::f32) : call.input(0);
  return {quantized(call, x, 1, call.integer("axis", 1))};
}

Ids dequantize_linear(const Call& call) {
  return {dequantized(call, 0, call.integer("axis", 1))};
}

// One scale for the whole tensor, from its own extremes, which zero always belongs to.
Ids dynamic_quantize(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = b.reshape(call.input(0), {b.type(call.input(0)).numel()});
  const ValueId zero = b.scalar(0, DType::f32);
  const ValueId high = b.add("maximum", {b.reduce("max", x, {0}, 0), zero}),
                low = b.add("minimum", {b.reduce("min", x, {0}, 0), zero});
  const ValueId scale = b.with("div", b.add("sub", {high, low}), 255);
  const auto byte = [&](ValueId v) {
    return b.cast(b.add("clamp", {v}, {{"min", 0.0}, {"max", 255.0}}), DType::u8);
  };
  const ValueId point = byte(b.add("round", {b.add("div", {b.add("neg", {low}), scale})}));
  const ValueId steps = b.add("round", {b.add("div", {call.input(0), scale})});
  return {byte(b.add("add", {steps, b.cast(point, DType::f32)})), scale, point};
}

Ids qlinear_conv(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = dequantized(call, 0, 1), w = dequantized(call, 3, 0);
  if (b.rank(w) < 3 || b.rank(x) != b.rank(w))
    throw InputError("x is {} and w is {}", to_string(b.type(x)), to_string(b.type(w)));
  const Window window = onnx_import::window(call, b.shape(x), List(b.shape(w).begin() + 2, b.shape(w).end()));
  Ids inputs = {x, w};
  if (call.has_input(8)) {
    const torch::Tensor scale = call.constant(1).to(torch::kFloat64).reshape({-1}) *
                                call.constant(4).to(torch::kFloat64).reshape({-1});
    auto scales = numbers_of(scale);
    Attributes attributes = {{"scale", scales}, {"zero_point", std::vector<double>(scales.size(), 0)}};
    if (scales.size() > 1) attributes["axis"] = int64_t{0};
    inputs.push_back(b.add("dequantize", {call.input(8)}, attributes));
  }
  const ValueId y = b.add("conv", inputs,
                          {{"stride", window.stride},
                           {"padding", window.padding},
                           {"dilation", window.dilation},
                           {"groups", call.integer("group", 1)}});
  return {quantized(call, y, 6, 1)};
}

Ids qlinear_matmul(const Call& call) {
  Builder& b = call.builder();
  const auto last = [&](size_t i) { return b.rank(call.input(i)) - 1; };
  const ValueId product = b.matmul(dequantized(call, 0, last(0) - 1), dequantized(call, 3, last(3)));
  return {quantized(call, product, 6, b.rank(product) - 1)};
}

// Integers below 2^53 are exact in f64.
ValueId shifted(const Call& call, size_t i, size_t zero_point, bool rows) {
  Builder& b = call.builder();
  const ValueId x = b.cast(call.input(i), DType::f64);
  if (!call.has_input(zero_point)) return x;
  ValueId zero = b.cast(call.input(zero_point), DType::f64);
  if (rows && b.rank(zero) == 1 && b.type(zero).numel() > 1) zero = b.unsqueeze(zero, 1);
  return b.add("sub", {x, zero});
}

// The zero point of u8 x, where x and constant i8 weights without zero points have integer kernels.
std::optional<int64_t> kernel_zero_point(const Call& call, size_t x_zero, size_t w_zero) {
  Builder& b = call.builder();
  const bool fits = b.dtype(call.input(0)) == DType::u8 && b.dtype(call.input(1)) == DType::i8 &&
                    b.is_constant(call.input(1));
  if (!fits || (call.has_input(w_zero) && call.constant(w_zero).ne(0).any().item<bool>()))
    return std::nullopt;
  if (!call.has_input(x_zero)) return 0;
  if (!b.is_constant(call.input(x_zero)) || call.constant(x_zero).numel() != 1) return std::nullopt;
  return call.constant(x_zero).item<int64_t>();
}

Ids matmul_integer(const Call& call) {
  Builder& b = call.builder();
  if (const auto zero = kernel_zero_point(call, 2, 3); zero && b.rank(call.input(1)) == 2)
    return {b.add("linear_integer", {call.input(0), b.transpose(call.input(1), {1, 0})},
                  {{"zero_point", *zero}})};
  return {b.cast(b.matmul(shifted(call, 0, 2, true), shifted(call, 1, 3, false)), DType::i32)};
}

Ids conv_integer(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = shifted(call, 0, 2, false);
  ValueId w = b.cast(call.input(1), DType::f64);
  if (call.has_input(3)) {
    const ValueId zero = b.cast(call.input(3), DType::f64);
    Shape shape(b.shape(w).size(), 1);
    if (b.type(zero).numel() > 1) shape[0] = b.type(zero).numel();
    w = b.add("sub", {w, b.reshape(zero, shape)});
  }
  if (b.rank(w) < 3 || b.rank(x) != b.rank(w))
    throw InputError("x is {} and w is {}", to_string(b.type(x)), to_string(b.type(w)));
  const Window window = onnx_import::window(call, b.shape(x), List(b.shape(w).begin() + 2, b.shape(w).end()));
  if (const auto zero = kernel_zero_point(call, 2, 3))
    return {b.add("conv_integer", {call.input(0), call.input(1)},
                  {{"stride", window.stride},
                   {"padding", window.padding},
                   {"dilation", window.dilation},
                   {"groups", call.integer("group", 1)},
                   {"zero_point", *zero}})};
  return {b.cast(b.add("conv", {x, w},
                       {{"stride", window.stride},
                        {"padding", window.padding},
                        {"dilation", window.dilation},
                        {"groups", call.integer("group", 1)}}),
                 DType::i32)};
}

}  // namespace

void add_quantized(Handlers& handlers) {
  handlers["QuantizeLinear"] = quantize_linear;
  handlers["DequantizeLinear"] = dequantize_linear;
  handlers["DynamicQuantizeLinear"] = dynamic_quantize;
  handlers["QLinearConv"] = qlinear_conv;
  handlers["QLinearMatMul"] = qlinear_matmul;
  handlers["MatMulInteger"] = matmul_integer;
  handlers["ConvInteger"] = conv_integer;
}

}  // namespace lathe::compile::onnx_import
