#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

Ids reshape(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  Shape shape = call.integers_or_input("shape", 1);
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && call.integer("allowzero", 0) == 0) {
      if (i >= b.shape(x).size()) throw InputError("copies axis {} of {}", i, to_string(b.type(x)));
      shape[i] = b.shape(x)[i];
    }
    if (shape[i] == -1)
      open = static_cast<int64_t>(i);
    else if (shape[i] < 0 || (known > 0 && shape[i] > (int64_t{1} << 40) / known))
      throw InputError("its shape has {}", shape[i]);
    else
      known *= shape[i];
  }
  if (open >= 0) shape[static_cast<size_t>(open)] = known > 0 ? b.type(x).numel() / known : 0;
  return {b.reshape(x, shape)};
}

Ids flatten(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t axis =
      wrap_axis(call.integer("axis", 1), b.rank(x) + (call.integer("axis", 1) >= 0 ? 1 : 0), "axis");
  const Shape& shape = b.shape(x);
  const auto cut = static_cast<size_t>(axis);
  return {b.reshape(x, {product(shape, 0, cut), product(shape, cut, shape.size())})};
}

Ids squeeze(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  List axes = call.integers_or_input("axes", 1);
  for (int64_t& axis : axes) axis = wrap_axis(axis, b.rank(x), "axes");
  Shape shape;
  for (int64_t i = 0; i < b.rank(x); ++i) {
    const int64_t size = b.shape(x)[static_cast<size_t>(i)];
    const bool named = std::count(axes.begin(), axes.end(), i) > 0;
    if (named && size != 1) throw InputError("axis {} of {} is not 1", i, to_string(b.type(x)));
    if (!(named || (axes.empty() && size == 1))) shape.push_back(size);
  }
  return {b.reshape(x, shape)};
}

Ids unsqueeze(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  List axes = call.integers_or_input("axes", 1);
  if (axes.size() > 16) throw InputError("adds {} axes", axes.size());
  for (int64_t& axis : axes) axis = wrap_axis(axis, b.rank(x) + static_cast<int64_t>(axes.size()), "axes");
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) throw InputError("names an axis twice");
  Shape shape = b.shape(x);
  for (const int64_t axis : axes) shape.insert(shape.begin() + axis, 1);
  return {b.reshape(x, shape)};
}

Ids transpose(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  List axes(b.shape(x).size());
  std::iota(axes.rbegin(), axes.rend(), 0);
  axes = call.integers("perm", axes);
  if (axes.size() != b.shape(x).size())
    throw InputError("permutes {} axes of {}", axes.size(), to_string(b.type(x)));
  for (int64_t& axis : axes) axis = wrap_axis(axis, b.rank(x), "perm");
  return {b.transpose(x, axes)};
}

Ids concat(const Call& call) {
  Builder& b = call.builder();
  const int64_t axis = call.axis("axis", call.opset() < 4 ? 1 : 0, b.rank(call.input(0)));
  if (call.num_inputs() == 1) return {call.input(0)};
  Ids kept;
  for (size_t i = 0; i < call.num_inputs(); ++i) {
    const Shape& shape = b.shape(call.input(i));
    const bool nothing = static_cast<int64_t>(shape.size()) > axis && shape[static_cast<size_t>(axis)] == 0;
    if (!nothing || b.is_constant(call.input(i))) kept.push_back(call.input(i));
  }
  return {kept.size() == 1 ? kept[0] : b.add("concat", kept, {{"axis", axis}})};
}

Ids split(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t axis = call.axis("axis", 0, b.rank(x)), size = b.shape(x)[static_cast<size_t>(axis)];
  List sizes = call.integers_or_input("split", 1);
  const int64_t parts = call.node().output_size();
  if (sizes.empty()) {
    const int64_t each = (size + parts - 1) / std::max<int64_t>(parts, 1);
    for (int64_t at = 0; static_cast<int64_t>(sizes.size()) < parts; at += each)
      sizes.push_back(std::clamp<int64_t>(size - at, 0, each));
  }
  if (std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != size ||
      static_cast<int64_t>(sizes.size()) != parts)
    throw InputError("its {} parts do not add up to the {} of axis {}", sizes.size(), size, axis);
  Ids outputs;
  int64_t at = 0;
  for (const int64_t part : sizes) {
    outputs.push_back(b.slice(x, axis, at, at + part));
    at += part;
  }
  return outputs;
}

// One axis of a slice with numpy's rules; a negative step is a flip and a positive one.
ValueId sliced(Builder& b, ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  const int64_t size = b.shape(x)[static_cast<size_t>(axis)];
  if (step == 0) throw InputError("has a step of 0");
  const auto inside = [&](int64_t at, int64_t low, int64_t high) {
    return std::clamp(at < 0 ? std::max(at, -size - 1) + size : at, low, high);
  };
  if (step > 0) {
    start = inside(start, 0, size), end = inside(end, 0, size);
    return b.slice(x, axis, start, std::max(start, end), std::min(step, std::max<int64_t>(size, 1)));
  }
  start = inside(start, 0, size - 1);
  end = end < -size ? -1 : inside(end, -1, size - 1);
  step = -std::max(step, -std::max<int64_t>(size, 1));
  x = b.add("flip", {x}, {{"axes", List{axis}}});
  start = size - 1 - start, end = size - 1 - end;
  return b.slice(x, axis, start, std::max(start, end), step);
}

Ids slice(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.input(0);
  const bool attributes = call.opset() < 10;
  const List starts = attributes ? call.integers("starts") : call.constant_integers(1);
  const List ends = attributes ? call.integers("ends") : call.constant_integers(2);
  List axes = attributes ? call.integers("axes") : call.has_input(3) ? call.constant_integers(3) : List();
  List steps = !attributes && call.has_input(4) ? call.constant_integers(4) : List(starts.size(), 1);
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    throw InputError("has {} starts, {} ends, {} axes and {} steps", starts.size(), ends.size(), axes.size(),
                     steps.size());
  for (size_t i = 0; i < starts.size(); ++i)
    x = sliced(b, x, wrap_axis(axes[i], b.rank(x), "axes"), starts[i], ends[i], steps[i]);
  return {x};
}

Ids expand(const Call& call) {
  const Shape shape = call.constant_integers(1);
  for (const int64_t size : shape)
    if (size < 0) throw InputError("its shape has {}", size);
  return {call.builder().broadcast(call.input(0), shape)};
}

Ids tile(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const List times = call.constant_integers(1);
  if (times.size() != b.shape(x).size())
    throw InputError("repeats {} axes of {}", times.size(), to_string(b.type(x)));
  Shape spread, wide, to;
  for (size_t i = 0; i < times.size(); ++i) {
    const int64_t size = b.shape(x)[i];
    if (times[i] < 0 || times[i] > (1 << 30)) throw InputError("repeats {} times", times[i]);
    spread.insert(spread.end(), {1, size});
    wide.insert(wide.end(), {times[i], size});
    to.push_back(times[i] * size);
  }
  return {b.reshape(b.broadcast(b.reshape(x, spread), wide), to)};
}

Ids pad(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const List pads = call.opset() >= 11 ? call.constant_integers(1)
                                       : call.integers(call.has("paddings") ? "paddings" : "pads");
  const size_t rank = b.shape(x).size();
  if (pads.size() != 2 * rank) throw InputError("has {} paddings for {}", pads.size(), to_string(b.type(x)));
  const double value = call.opset() < 11   ? call.number("value", 0)
                       : call.has_input(2) ? call.constant_number(2)
                                           : 0;
  const List before(pads.begin(), pads.begin() + static_cast<int64_t>(rank)),
      after(pads.begin() + static_cast<int64_t>(rank), pads.end());
  for (const int64_t width : pads)
    if (std::abs(width) > (int64_t{1} << 32)) throw InputError("pads {}", width);
  return {b.pad(x, before, after, call.text("mode", "constant"), value)};
}

Ids depth_to_space(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t r = call.integer("blocksize", 1);
  if (b.rank(x) != 4 || r < 1 || r > (1 << 15))
    throw InputError("its input is {} and its blocksize {}", to_string(b.type(x)), r);
  const Shape& s = b.shape(x);
  if (call.node().op_type() == "SpaceToDepth") {
    const ValueId split = b.reshape(x, {s[0], s[1], s[2] / r, r, s[3] / r, r});
    return {b.reshape(b.transpose(split, {0, 3, 5, 1, 2, 4}), {s[0], s[1] * r * r, s[2] / r, s[3] / r})};
  }
  const int64_t c = s[1] / (r * r);
  const Shape to = {s[0], c, s[2] * r, s[3] * r};
  if (call.text("mode", "DCR") == "CRD")
    return {b.reshape(b.transpose(b.reshape(x, {s[0], c, r, r, s[2], s[3]}), {0, 1, 4, 2, 5, 3}), to)};
  return {b.reshape(b.transpose(b.reshape(x, {s[0], r, r, c, s[2], s[3]}), {0, 3, 4, 1, 5, 2}), to)};
}

Ids trilu(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  if (b.rank(x) < 2) throw InputError("its input is {}", to_string(b.type(x)));
  const int64_t k = call.has_input(1) ? static_cast<int64_t>(call.constant_number(1)) : 0;
  want_small(b.type(x).numel());
  const torch::Tensor ones =
      torch::ones({b.shape(x)[b.shape(x).size() - 2], b.shape(x).back()}, torch::kBool);
  const ValueId mask = b.constant(call.integer("upper", 1) != 0 ? ones.triu(k) : ones.tril(k));
  return {b.add("where", {mask, x, b.scalar(0, b.dtype(x))})};
}

}  // namespace

void add_shapes(Handlers& handlers) {
  handlers["Reshape"] = reshape;
  handlers["Flatten"] = flatten;
  handlers["Squeeze"] = squeeze;
  handlers["Unsqueeze"] = unsqueeze;
  handlers["Transpose"] = transpose;
  handlers["Concat"] = concat;
  handlers["Split"] = split;
  handlers["Slice"] = slice;
  handlers["Expand"] = expand;
  handlers["Tile"] = tile;
  handlers["Pad"] = pad;
  handlers["DepthToSpace"] = handlers["SpaceToDepth"] = depth_to_space;
  handlers["Trilu"] = trilu;
}

}  // namespace lathe::compile::onnx_import
