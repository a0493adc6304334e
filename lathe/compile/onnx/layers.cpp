#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

Ids conv(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0), w = call.input(1);
  if (b.rank(w) < 3 || b.rank(x) != b.rank(w))
    throw InputError("x is {} and w is {}", to_string(b.type(x)), to_string(b.type(w)));
  const Window window = onnx_import::window(call, b.shape(x), List(b.shape(w).begin() + 2, b.shape(w).end()));
  Ids inputs = {x, w};
  if (call.has_input(2)) inputs.push_back(call.input(2));
  return {b.add("conv", inputs,
                {{"stride", window.stride},
                 {"padding", window.padding},
                 {"dilation", window.dilation},
                 {"groups", call.integer("group", 1)}})};
}

// The padding that makes the output as long as `output_shape`, or in × stride, asks.
void pad_to(const Call& call, const List& shape, const Shape& x, const List& kernel, Window& window,
            const List& extra) {
  const std::string mode = call.text("auto_pad", "NOTSET");
  for (size_t i = 0; i < kernel.size(); ++i) {
    const int64_t total =
        window.stride[i] * (x[2 + i] - 1) + extra[i] + (kernel[i] - 1) * window.dilation[i] + 1 - shape[i];
    const int64_t half = total / 2;
    window.padding[i] = total < 0 ? 0 : mode == "SAME_UPPER" ? half : total - half;
    window.padding[kernel.size() + i] = total - window.padding[i];
  }
}

Ids conv_transpose(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0), w = call.input(1);
  if (b.rank(w) < 3 || b.rank(x) != b.rank(w))
    throw InputError("x is {} and w is {}", to_string(b.type(x)), to_string(b.type(w)));
  const List kernel(b.shape(w).begin() + 2, b.shape(w).end());
  const size_t spatial = kernel.size();
  const std::string mode = call.text("auto_pad", "NOTSET");
  Window window{kernel, call.integers("strides", List(spatial, 1)),
                call.integers("pads", List(2 * spatial, 0)), call.integers("dilations", List(spatial, 1))};
  List extra = call.integers("output_padding", List(spatial, 0));
  if (window.stride.size() != spatial || window.padding.size() != 2 * spatial ||
      window.dilation.size() != spatial || extra.size() != spatial)
    throw InputError("its strides, pads, dilations or output_padding have the wrong length");
  List shape = call.integers("output_shape");
  if (shape.size() > spatial) shape.erase(shape.begin(), shape.end() - static_cast<int64_t>(spatial));
  if (shape.empty() && (mode == "SAME_UPPER" || mode == "SAME_LOWER"))
    for (size_t i = 0; i < spatial; ++i) shape.push_back(b.shape(x)[2 + i] * window.stride[i]);
  if (!shape.empty()) pad_to(call, shape, b.shape(x), kernel, window, extra);
  // A negative padding makes the output longer than the kernels reach.
  for (size_t i = 0; i < spatial; ++i)
    if (window.padding[spatial + i] < 0)
      extra[i] -= window.padding[spatial + i], window.padding[spatial + i] = 0;
  Ids inputs = {x, w};
  if (call.has_input(2)) inputs.push_back(call.input(2));
  return {b.add("conv_transpose", inputs,
                {{"stride", window.stride},
                 {"padding", window.padding},
                 {"dilation", window.dilation},
                 {"groups", call.integer("group", 1)},
                 {"output_padding", extra}})};
}

Ids gemm(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.input(0), w = call.input(1);
  if (b.rank(x) != 2 || b.rank(w) != 2)
    throw InputError("its inputs are {} and {}", to_string(b.type(x)), to_string(b.type(w)));
  if (call.integer("transA", 0) != 0) x = b.transpose(x, {1, 0});
  const double alpha = call.number("alpha", 1), beta = call.number("beta", 1);
  const bool bias = call.has_input(2) && beta != 0;
  if (b.dtype(x) != DType::f32 && b.dtype(x) != DType::f64) throw InputError("of integers");
  if (call.integer("transB", 0) == 0) w = b.transpose(w, {1, 0});
  if (alpha != 1) w = b.with("mul", w, alpha);
  if (!bias) return {b.add("linear", {x, w})};
  const ValueId c = beta == 1 ? call.input(2) : b.with("mul", call.input(2), beta);
  if (b.shape(c) == Shape{b.shape(w)[0]}) return {b.add("linear", {x, w, c})};
  return {b.add("add", {b.add("linear", {x, w}), c})};
}

Ids matmul(const Call& call) {
  return {call.builder().matmul(call.input(0), call.input(1))};
}

// Axes named by letters: labels of each operand, and of the result.
struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

Equation parsed(std::string text, size_t count) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  if (text.find('.') != std::string::npos) throw InputError("has an ellipsis");
  Equation equation;
  const size_t arrow = text.find("->");
  std::string left = text.substr(0, arrow);
  for (size_t at = 0; at != std::string::npos;) {
    const size_t comma = left.find(',', at);
    equation.operands.push_back(left.substr(at, comma == std::string::npos ? comma : comma - at));
    at = comma == std::string::npos ? comma : comma + 1;
  }
  if (equation.operands.size() != count)
    throw InputError("names {} operands, has {}", equation.operands.size(), count);
  if (arrow != std::string::npos) {
    equation.result = text.substr(arrow + 2);
  } else {
    std::map<char, int> times;
    for (const char c : left) times[c] += c == ',' ? 0 : 1;
    for (const auto& [label, n] : times)
      if (n == 1) equation.result += label;
  }
  return equation;
}

// Everything spread over all labels, multiplied, and summed; two operands without repeated labels as a
// product.
Ids einsum(const Call& call) {
  Builder& b = call.builder();
  const Equation equation = parsed(call.text("equation", ""), call.num_inputs());
  std::string labels = equation.result;
  for (const auto& operand : equation.operands)
    for (const char label : operand)
      if (labels.find(label) == std::string::npos) labels += label;
  const auto spread = [&](size_t i) {
    const std::string& names = equation.operands[i];
    const ValueId x = call.input(i);
    if (static_cast<size_t>(b.rank(x)) != names.size())
      throw InputError("names {} axes of {}", names.size(), to_string(b.type(x)));
    if (std::set<char>(names.begin(), names.end()).size() != names.size())
      throw InputError("takes a diagonal");
    List order;
    Shape shape;
    for (const char label : labels) {
      const size_t at = names.find(label);
      if (at != std::string::npos) order.push_back(static_cast<int64_t>(at));
      shape.push_back(at == std::string::npos ? 1 : b.shape(x)[at]);
    }
    return b.reshape(b.transpose(x, order), shape);
  };
  const auto used = [&](size_t i, char label) {
    return equation.operands[i].find(label) != std::string::npos;
  };
  List summed;
  for (size_t i = equation.result.size(); i < labels.size(); ++i) summed.push_back(static_cast<int64_t>(i));
  if (equation.operands.size() == 2) {
    // Labels of both and the result: batch; of one: rows or columns; of both only: summed.
    std::string batch, rows, columns, inner;
    bool product = true;
    for (const char label : labels) {
      const bool out = equation.result.find(label) != std::string::npos, left = used(0, label),
                 right = used(1, label);
      (left && right ? (out ? batch : inner) : left ? rows : columns) += label;
      product &= out || (left && right);
    }
    if (product && !inner.empty()) {
      const auto arranged = [&](size_t i, const std::string& order, const std::string& first,
                                const std::string& second) {
        List axes;
        Shape shape;
        const auto size = [&](const std::string& group) {
          int64_t n = 1;
          for (const char c : group) n *= b.shape(call.input(i)).at(equation.operands[i].find(c));
          return n;
        };
        if (static_cast<size_t>(b.rank(call.input(i))) != order.size())
          throw InputError("names the wrong number of axes of {}", to_string(b.type(call.input(i))));
        for (const char c : order) axes.push_back(static_cast<int64_t>(equation.operands[i].find(c)));
        for (const char c : batch) shape.push_back(size(std::string(1, c)));
        shape.insert(shape.end(), {size(first), size(second)});
        return b.reshape(b.transpose(call.input(i), axes), shape);
      };
      const ValueId y = b.add("matmul", {arranged(0, batch + rows + inner, rows, inner),
                                         arranged(1, batch + inner + columns, inner, columns)});
      const std::string order = batch + rows + columns;
      Shape shape;
      List axes;
      for (const char c : order) {
        const size_t i = used(0, c) ? 0 : 1;
        shape.push_back(b.shape(call.input(i)).at(equation.operands[i].find(c)));
      }
      for (const char c : equation.result) axes.push_back(static_cast<int64_t>(order.find(c)));
      return {b.transpose(b.reshape(y, shape), axes)};
    }
  }
  ValueId product = spread(0);
  for (size_t i = 1; i < equation.operands.size(); ++i) product = b.add("mul", {product, spread(i)});
  return {b.reduce("sum", product, summed, 0)};
}

}  // namespace

Window window(const Call& call, const Shape& input, const List& kernel) {
  const size_t spatial = kernel.size();
  Window window{kernel, call.integers("strides", List(spatial, 1)),
                call.integers("pads", List(2 * spatial, 0)), call.integers("dilations", List(spatial, 1))};
  if (input.size() != spatial + 2 || window.stride.size() != spatial ||
      window.padding.size() != 2 * spatial || window.dilation.size() != spatial)
    throw InputError("its kernel, strides, pads or dilations do not go with an input of {} axes",
                     input.size());
  for (size_t i = 0; i < spatial; ++i)
    if (window.stride[i] < 1 || window.dilation[i] < 1 || window.kernel[i] < 1 ||
        window.kernel[i] > (1 << 24) || window.dilation[i] > (1 << 24))
      throw InputError("its kernel, strides or dilations are not positive");
  const std::string mode = call.text("auto_pad", "NOTSET");
  if (mode == "VALID") window.padding.assign(2 * spatial, 0);
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER")
    for (size_t i = 0; i < spatial; ++i) {
      const int64_t out = (input[2 + i] + window.stride[i] - 1) / window.stride[i];
      const int64_t total = std::max<int64_t>(
          0, (out - 1) * window.stride[i] + (kernel[i] - 1) * window.dilation[i] + 1 - input[2 + i]);
      window.padding[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      window.padding[spatial + i] = total - window.padding[i];
    }
  return window;
}

void add_layers(Handlers& handlers) {
  handlers["Conv"] = conv;
  handlers["ConvTranspose"] = conv_transpose;
  handlers["Gemm"] = gemm;
  handlers["MatMul"] = matmul;
  handlers["Einsum"] = einsum;
}

}  // namespace lathe::compile::onnx_import
