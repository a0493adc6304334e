#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

constexpr int64_t kMostElements = int64_t{1} << 24;  // of what a node makes from nothing

Ids constant(const Call& call) {
  Builder& b = call.builder();
  if (const auto* tensor = call.tensor("value"))
    return {b.constant(to_tensor(*tensor, call.importer().directory()))};
  if (call.has("value_float")) return {b.scalar(call.number("value_float", 0), DType::f32)};
  if (call.has("value_int")) return {b.constant(torch::tensor(call.integer("value_int", 0), torch::kInt64))};
  if (call.has("value_ints")) return {b.constant(torch::tensor(call.integers("value_ints"), torch::kInt64))};
  if (call.has("value_floats"))
    return {b.constant(torch::tensor(call.numbers("value_floats"), torch::kFloat64).to(torch::kFloat32))};
  throw InputError("has no value that is a tensor");
}

Ids filled(const Call& call) {
  Builder& b = call.builder();
  const List shape = call.constant_integers(0);
  int64_t elements = 1;
  for (const int64_t size : shape) {
    if (size < 0 || (elements > 0 && size > (int64_t{1} << 40) / elements))
      throw InputError("its shape has {}", size);
    elements *= size;
  }
  torch::Tensor value = torch::zeros({1}, torch::kFloat32);
  if (const auto* tensor = call.tensor("value")) value = to_tensor(*tensor, call.importer().directory());
  if (value.numel() != 1) throw InputError("its value has {} elements", value.numel());
  return {b.broadcast(b.constant(value.reshape({})), shape)};
}

Ids shape(const Call& call) {
  Builder& b = call.builder();
  const Shape& full = b.shape(call.input(0));
  const auto rank = static_cast<int64_t>(full.size());
  const auto bound = [&](const char* name, int64_t otherwise) {
    const int64_t at = call.integer(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = bound("start", 0), end = std::max(start, bound("end", rank));
  return {b.constant(torch::tensor(List(full.begin() + start, full.begin() + end), torch::kInt64))};
}

Ids size(const Call& call) {
  return {call.builder().constant(torch::tensor(call.builder().type(call.input(0)).numel(), torch::kInt64))};
}

Ids range(const Call& call) {
  Builder& b = call.builder();
  const DType dtype = b.dtype(call.input(0));
  const double start = call.constant_number(0), limit = call.constant_number(1),
               delta = call.constant_number(2);
  const double count = std::max(0.0, std::ceil((limit - start) / delta));
  if (!(count <= static_cast<double>(kMostElements))) throw InputError("has {} elements", count);
  const torch::Tensor steps = torch::arange(static_cast<int64_t>(count), torch::kFloat64);
  return {b.constant((steps * delta + start).to(scalar_type(dtype)))};
}

Ids eye_like(const Call& call) {
  Builder& b = call.builder();
  const Type& type = b.type(call.input(0));
  if (type.shape.size() != 2) throw InputError("its input is {}", to_string(type));
  const DType dtype =
      call.has("dtype") ? dtype_of_onnx(static_cast<int>(call.integer("dtype", 1))) : type.dtype;
  const int64_t k = call.integer("k", 0);
  if (type.numel() > kMostElements) throw InputError("its input is {}", to_string(type));
  const torch::Tensor rows = torch::arange(type.shape[0]).unsqueeze(1),
                      columns = torch::arange(type.shape[1]);
  return {b.constant(columns.sub(rows).eq(k).to(scalar_type(dtype)))};
}

Ids one_hot(const Call& call) {
  Builder& b = call.builder();
  const auto depth = static_cast<int64_t>(call.constant_number(1));
  const torch::Tensor values = call.constant(2);
  if (values.numel() != 2 || depth < 1 || depth > (1 << 22))
    throw InputError("has a depth of {} and {} values", depth, values.numel());
  ValueId indices = wrapped_indices(b, b.cast(call.input(0), DType::i64), depth);
  const int64_t rank = b.rank(indices), axis = wrap_axis(call.integer("axis", -1), rank + 1, "axis");
  indices = b.unsqueeze(indices, axis);
  Shape along(static_cast<size_t>(rank) + 1, 1);
  along[static_cast<size_t>(axis)] = depth;
  const ValueId hit = b.add("equal", {indices, b.constant(torch::arange(depth).reshape(along))});
  const torch::Tensor flat = values.reshape({2});
  return {b.add("where", {hit, b.constant(flat[1].clone()), b.constant(flat[0].clone())})};
}

Ids non_zero(const Call& call) {
  return {call.builder().constant(call.constant(0).nonzero().t().contiguous())};
}

// Blackman, Hamming and Hann windows as sums of cosines.
Ids window_function(const Call& call) {
  const std::string& name = call.node().op_type();
  const double length = call.constant_number(0);
  if (!(length >= 1) || length > static_cast<double>(kMostElements))
    throw InputError("has a length of {}", length);
  const double period = call.integer("periodic", 1) != 0 ? length : length - 1;
  const torch::Tensor angle =
      torch::arange(static_cast<int64_t>(length), torch::kFloat64) * (2 * M_PI / period);
  torch::Tensor window;
  if (name == "HannWindow")
    window = 0.5 - 0.5 * angle.cos();
  else if (name == "HammingWindow")
    window = 25.0 / 46 - 21.0 / 46 * angle.cos();
  else
    window = 0.42 - 0.5 * angle.cos() + 0.08 * (2 * angle).cos();
  const DType dtype = dtype_of_onnx(static_cast<int>(call.integer("output_datatype", 1)));
  return {call.builder().constant(window.to(scalar_type(dtype)))};
}

}  // namespace

void add_constants(Handlers& handlers) {
  handlers["Constant"] = constant;
  handlers["ConstantOfShape"] = filled;
  handlers["Shape"] = shape;
  handlers["Size"] = size;
  handlers["Range"] = range;
  handlers["EyeLike"] = eye_like;
  handlers["OneHot"] = one_hot;
  handlers["NonZero"] = non_zero;
  for (const char* name : {"HannWindow", "HammingWindow", "BlackmanWindow"}) handlers[name] = window_function;
}

}  // namespace lathe::compile::onnx_import
