#include <torch/torch.h>

#include <numeric>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

using Ids = std::vector<ValueId>;
using List = std::vector<int64_t>;

// -1 stands for what is left.
Shape completed(Shape shape, int64_t elements) {
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1)
      open = static_cast<int64_t>(i);
    else
      known *= shape[i];
  }
  if (open >= 0 && known > 0) shape[static_cast<size_t>(open)] = elements / known;
  return shape;
}

Ids reshape(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const List shape = call.has("other")  ? b.shape(call.tensor("other"))
                     : call.has("size") ? call.integers("size")
                                        : call.integers("shape");
  return {b.reshape(x, completed(shape, b.type(x).numel()))};
}

Ids flatten(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  if (b.rank(x) == 0) return {b.reshape(x, {1})};
  const int64_t first = call.axis("start_dim", b.rank(x)), last = call.axis("end_dim", b.rank(x));
  const Shape& from = b.shape(x);
  Shape shape(from.begin(), from.begin() + first);
  shape.push_back(c10::multiply_integers(from.begin() + first, from.begin() + last + 1));
  shape.insert(shape.end(), from.begin() + last + 1, from.end());
  return {b.reshape(x, shape)};
}

Ids unflatten(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t axis = call.axis("dim", b.rank(x));
  const List sizes = completed(call.integers("sizes"), b.shape(x)[static_cast<size_t>(axis)]);
  Shape shape = b.shape(x);
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, sizes.begin(), sizes.end());
  return {b.reshape(x, shape)};
}

Ids squeeze(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  List which = call.integers("dim");
  for (int64_t& axis : which) axis = wrap_axis(axis, std::max<int64_t>(b.rank(x), 1), call.name());
  Shape shape;
  for (int64_t i = 0; i < b.rank(x); ++i) {
    const bool asked = which.empty() || std::count(which.begin(), which.end(), i) > 0;
    if (!asked || b.shape(x)[static_cast<size_t>(i)] != 1)
      shape.push_back(b.shape(x)[static_cast<size_t>(i)]);
  }
  return {b.reshape(x, shape)};
}

Ids unsqueeze(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  return {b.unsqueeze(x, call.axis("dim", b.rank(x) + 1))};
}

Ids transpose(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const std::string name = call.name();
  if (b.rank(x) < 2) return {x};
  if (name == "aten::t" || name == "aten::numpy_T") {
    List axes(b.shape(x).size());
    std::iota(axes.rbegin(), axes.rend(), 0);
    return {b.transpose(x, axes)};
  }
  if (name == "aten::mT") return {b.swap_axes(x, b.rank(x) - 2, b.rank(x) - 1)};
  const char* first = call.has("dim0") ? "dim0" : "axis0";
  const char* second = call.has("dim1") ? "dim1" : "axis1";
  return {b.swap_axes(x, call.axis(first, b.rank(x)), call.axis(second, b.rank(x)))};
}

Ids permute(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  List axes = call.integers("dims");
  for (int64_t& axis : axes) axis = wrap_axis(axis, b.rank(x), call.name());
  return {b.transpose(x, axes)};
}

Ids movedim(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  List from = call.integers("source"), to = call.integers("destination"), axes(b.shape(x).size(), -1);
  List rest(b.shape(x).size());
  std::iota(rest.begin(), rest.end(), 0);
  for (size_t i = 0; i < from.size(); ++i) {
    const int64_t source = wrap_axis(from[i], b.rank(x), call.name());
    axes[static_cast<size_t>(wrap_axis(to[i], b.rank(x), call.name()))] = source;
    rest.erase(std::find(rest.begin(), rest.end(), source));
  }
  for (int64_t& axis : axes)
    if (axis < 0) axis = rest.front(), rest.erase(rest.begin());
  return {b.transpose(x, axes)};
}

Ids expand(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  List shape = call.has("other") ? b.shape(call.tensor("other")) : call.integers("size");
  const size_t added = shape.size() - b.shape(x).size();
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == -1) shape[i] = b.shape(x).at(i - added);
  return {b.broadcast(x, shape)};
}

Ids repeat(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.tensor("self");
  List times = call.has("repeats") ? call.integers("repeats") : call.integers("dims");
  while (times.size() < b.shape(x).size()) times.insert(times.begin(), 1);
  Shape from = b.shape(x), spread, wide, to;
  while (from.size() < times.size()) from.insert(from.begin(), 1);
  for (size_t i = 0; i < from.size(); ++i) {
    spread.insert(spread.end(), {1, from[i]});
    wide.insert(wide.end(), {times[i], from[i]});
    to.push_back(times[i] * from[i]);
  }
  return {b.reshape(b.broadcast(b.reshape(x, spread), wide), to)};
}

Ids cat(const Call& call) {
  Builder& b = call.builder();
  Ids all = call.tensors("tensors");
  const bool stack = call.name() == "aten::stack";
  if (all.empty()) throw InputError("has no tensors");
  const int64_t axis = call.axis("dim", b.rank(all[0]) + (stack ? 1 : 0));
  DType common = b.dtype(all[0]);
  for (const ValueId id : all)
    common = dtype_of(c10::promoteTypes(scalar_type(common), scalar_type(b.dtype(id))));
  Ids kept;
  for (const ValueId id : all) {
    if (!stack && b.shape(id) == Shape{0}) continue;
    kept.push_back(b.cast(stack ? b.unsqueeze(id, axis) : id, common));
  }
  return {kept.size() == 1 ? kept[0] : b.add("concat", kept, {{"axis", axis}})};
}

Ids pad_with(const Call& call, const std::string& mode, double value) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const List list = call.has("pad") ? call.integers("pad") : call.integers("padding");
  List before(b.shape(x).size(), 0), after = before;
  if (list.size() > 2 * before.size() || list.size() % 2 != 0)
    throw InputError("has {} paddings for {}", list.size(), to_string(b.type(x)));
  for (size_t i = 0; i < list.size() / 2; ++i)
    before[before.size() - 1 - i] = list[2 * i], after[before.size() - 1 - i] = list[2 * i + 1];
  return {b.pad(x, before, after, mode, value)};
}

Ids pad(const Call& call) {
  const std::string mode = call.text("mode", "constant");
  if (mode == "circular") throw InputError("pads around in a circle");
  return pad_with(call, mode == "replicate" ? "edge" : mode, call.number("value", 0));
}

Ids flip(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  List axes = call.integers("dims");
  for (int64_t& axis : axes) axis = wrap_axis(axis, b.rank(x), call.name());
  return {b.add("flip", {x}, {{"axes", axes}})};
}

Ids roll(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.tensor("self");
  const List shifts = call.integers("shifts"), axes = call.integers("dims");
  if (axes.size() != shifts.size()) throw InputError("rolls without axes");
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = wrap_axis(axes[i], b.rank(x), call.name()),
                  size = b.shape(x)[static_cast<size_t>(axis)];
    const int64_t shift = ((shifts[i] % size) + size) % size;
    if (shift != 0)
      x = b.add("concat", {b.slice(x, axis, size - shift, size), b.slice(x, axis, 0, size - shift)},
                {{"axis", axis}});
  }
  return {x};
}

// [N, C r², H, W] -> [N, C, H r, W r], and back.
Ids pixel_shuffle(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  if (b.rank(x) != 4) throw InputError("its input is {}", to_string(b.type(x)));
  const Shape& s = b.shape(x);
  if (call.name() == "aten::pixel_shuffle") {
    const int64_t r = call.integer("upscale_factor"), c = s[1] / (r * r);
    const ValueId split = b.reshape(x, {s[0], c, r, r, s[2], s[3]});
    return {b.reshape(b.transpose(split, {0, 1, 4, 2, 5, 3}), {s[0], c, s[2] * r, s[3] * r})};
  }
  const int64_t r = call.integer("downscale_factor");
  const ValueId split = b.reshape(x, {s[0], s[1], s[2] / r, r, s[3] / r, r});
  return {b.reshape(b.transpose(split, {0, 1, 3, 5, 2, 4}), {s[0], s[1] * r * r, s[2] / r, s[3] / r})};
}

Ids channel_shuffle(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t groups = call.integer("groups");
  Shape split = b.shape(x);
  split[1] /= groups;
  split.insert(split.begin() + 1, groups);
  return {b.reshape(b.swap_axes(b.reshape(x, split), 1, 2), b.shape(x))};
}

}  // namespace

void add_shapes(Entries& entries) {
  for (const char* name : {"view", "reshape", "_unsafe_view", "view_as", "reshape_as"})
    entries[std::string("aten::") + name] = {reshape, true};
  for (const char* name : {"transpose", "t", "numpy_T", "mT", "swapaxes", "swapdims"})
    entries[std::string("aten::") + name] = {transpose, true};
  for (const char* name : {"expand", "expand_as"}) entries[std::string("aten::") + name] = {expand, true};
  for (const char* name : {"repeat", "tile"}) entries[std::string("aten::") + name] = {repeat};
  for (const char* name : {"cat", "concat", "stack"}) entries[std::string("aten::") + name] = {cat};
  entries["aten::flatten"] = {flatten, true};
  entries["aten::unflatten"] = {unflatten, true};
  entries["aten::squeeze"] = {squeeze, true};
  entries["aten::unsqueeze"] = {unsqueeze, true};
  entries["aten::permute"] = {permute, true};
  entries["aten::movedim"] = {movedim, true};
  entries["aten::pad"] = {pad};
  entries["aten::constant_pad_nd"] = {pad};
  for (const char* name : {"reflection_pad1d", "reflection_pad2d", "reflection_pad3d"})
    entries[std::string("aten::") + name] = {[](const Call& call) { return pad_with(call, "reflect", 0); }};
  for (const char* name : {"replication_pad1d", "replication_pad2d", "replication_pad3d"})
    entries[std::string("aten::") + name] = {[](const Call& call) { return pad_with(call, "edge", 0); }};
  entries["aten::flip"] = {flip};
  entries["aten::roll"] = {roll};
  entries["aten::pixel_shuffle"] = entries["aten::pixel_unshuffle"] = {pixel_shuffle};
  entries["aten::channel_shuffle"] = {channel_shuffle};
}

}  // namespace lathe::compile::torchscript
