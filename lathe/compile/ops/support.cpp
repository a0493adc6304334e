#include <fmt/ranges.h>

#include <algorithm>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

// More elements than any machine holds: what comes of a broken file.
constexpr int64_t kMostElements = int64_t{1} << 40;

void bound(const Node& node, const Type& type) {
  int64_t elements = 1;
  for (const int64_t size : type.shape) {
    if (size < 0) refuse(node, "its output would have the shape {}", to_string(type.shape));
    if (size > 0 && elements > kMostElements / size)
      refuse(node, "its output {} is too large", to_string(type.shape));
    elements *= size;
  }
}

}  // namespace

void add(Table& table, Op op) {
  op.infer = [infer = std::move(op.infer), least = op.min_inputs, most = op.max_inputs](const Node& node,
                                                                                        const Types& types) {
    const int count = static_cast<int>(types.size());
    if (count < least || (most >= 0 && count > most))
      refuse(node, "has {} inputs, wants {}{}", count, least,
             most < 0       ? " or more"
             : most > least ? fmt::format(" to {}", most)
                            : "");
    const Types outputs = infer(node, types);
    for (const auto& type : outputs) bound(node, type);
    return outputs;
  };
  const std::string name = op.name;
  if (!table.ops.emplace(name, std::move(op)).second) throw Error("the operator {} is defined twice", name);
}

std::string place(const Node& node) {
  return node.source.empty() ? node.op : fmt::format("{} ({})", node.op, node.source);
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64;
}

void want_float(const Node& node, const Type& type, std::string_view what) {
  if (!is_float(type.dtype)) refuse(node, "{} is {}, wants f32 or f64", what, compile::to_string(type));
}

void want_rank(const Node& node, const Type& type, std::string_view what, size_t least) {
  if (type.shape.size() < least)
    refuse(node, "{} is {}, wants at least {} axes", what, compile::to_string(type), least);
}

void want_bytes(const Node& node, const Types& types) {
  if (types[0].dtype != DType::u8 || types[1].dtype != DType::i8)
    refuse(node, "x is {} and w is {}, wants u8 and i8", compile::to_string(types[0]),
           compile::to_string(types[1]));
  const int64_t zero = node.integer("zero_point");
  if (zero < 0 || zero > 255) refuse(node, "zero_point is {}, must lie in 0 … 255", zero);
}

void want_same_dtype(const Node& node, const Types& types) {
  for (const auto& type : types)
    if (type.dtype != types.front().dtype)
      refuse(node, "its inputs are {} and {}; they must be of one type (cast one of them)",
             compile::to_string(types.front()), compile::to_string(type));
}

void want_shape(const Node& node, const Type& type, std::string_view what, const Shape& shape) {
  if (type.shape != shape)
    refuse(node, "{} is {}, its shape must be {}", what, compile::to_string(type), to_string(shape));
}

int64_t axis(const Node& node, size_t rank) {
  const int64_t axis = node.integer("axis");
  if (axis < 0 || axis >= static_cast<int64_t>(rank))
    refuse(node, "axis is {}, must be at least 0 and below {}", axis, rank);
  return axis;
}

std::vector<int64_t> axes(const Node& node, size_t rank) {
  const std::vector<int64_t>& axes = node.integers("axes");
  std::set<int64_t> seen;
  for (const int64_t axis : axes) {
    if (axis < 0 || axis >= static_cast<int64_t>(rank))
      refuse(node, "axes has {}, must be at least 0 and below {}", axis, rank);
    if (!seen.insert(axis).second) refuse(node, "axes has {} twice", axis);
  }
  return axes;
}

std::vector<int64_t> integers(const Node& node, std::string_view name, size_t count, int64_t least) {
  const std::vector<int64_t>& values = node.integers(name);
  if (values.size() != count) refuse(node, "{} is {}, must have {} numbers", name, to_string(values), count);
  for (const int64_t value : values)
    if (value < least || value > (int64_t{1} << 40))
      refuse(node, "{} is {}, each must be at least {}", name, to_string(values), least);
  return values;
}

std::vector<double> numbers(const Node& node, std::string_view name) {
  if (!node.has(name)) refuse(node, "{} is missing", name);
  return node.numbers(name);
}

Shape broadcast(const Node& node, const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t m = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t n = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (m != n && m != 1 && n != 1)
      refuse(node, "shapes {} and {} do not go together", to_string(a), to_string(b));
    result[result.size() - 1 - i] = m == 1 ? n : m;
  }
  return result;
}

}  // namespace lathe::compile::ops
