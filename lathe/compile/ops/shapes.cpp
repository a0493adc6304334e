#include <torch/torch.h>

#include <numeric>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

Types reshape_types(const Node& node, const Types& types) {
  const Type out{types[0].dtype, node.integers("shape")};
  for (const int64_t size : out.shape)
    if (size < 0 || size > (int64_t{1} << 40))
      refuse(node, "shape is {}, must be sizes", to_string(out.shape));
  if (out.shape.size() > 64 || out.numel() != types[0].numel())
    refuse(node, "{} cannot take the shape {}: {} elements are not {}", compile::to_string(types[0]),
           to_string(out.shape), types[0].numel(), out.numel());
  return {out};
}

Types transpose_types(const Node& node, const Types& types) {
  const auto order = axes(node, types[0].shape.size());
  if (order.size() != types[0].shape.size())
    refuse(node, "axes is {}, must name each of the {} axes once", to_string(order), types[0].shape.size());
  Shape out;
  for (const int64_t axis : order) out.push_back(types[0].shape[static_cast<size_t>(axis)]);
  return {{types[0].dtype, out}};
}

Types broadcast_types(const Node& node, const Types& types) {
  const Shape& shape = node.integers("shape");
  for (const int64_t size : shape)
    if (size < 0) refuse(node, "shape is {}, must be sizes", to_string(shape));
  if (broadcast(node, types[0].shape, shape) != shape)
    refuse(node, "{} does not broadcast to {}", compile::to_string(types[0]), to_string(shape));
  return {{types[0].dtype, shape}};
}

Types slice_types(const Node& node, const Types& types) {
  const size_t rank = types[0].shape.size();
  const auto starts = integers(node, "starts", rank, 0), ends = integers(node, "ends", rank, 0),
             steps = integers(node, "steps", rank, 1);
  Shape out;
  for (size_t i = 0; i < rank; ++i) {
    if (starts[i] > ends[i] || ends[i] > types[0].shape[i])
      refuse(node, "starts {} and ends {} do not lie in {}", to_string(starts), to_string(ends),
             compile::to_string(types[0]));
    out.push_back((ends[i] - starts[i] + steps[i] - 1) / steps[i]);
  }
  return {{types[0].dtype, out}};
}

Tensors slice(const Node& node, const Tensors& inputs) {
  torch::Tensor result = inputs[0];
  const auto &starts = node.integers("starts"), &ends = node.integers("ends"),
             &steps = node.integers("steps");
  for (size_t i = 0; i < starts.size(); ++i)
    result = result.slice(static_cast<int64_t>(i), starts[i], ends[i], steps[i]);
  return {result};
}

Types flip_types(const Node& node, const Types& types) {
  axes(node, types[0].shape.size());
  return types;
}

Types concat_types(const Node& node, const Types& types) {
  want_same_dtype(node, types);
  want_rank(node, types[0], "its input", 1);
  const auto which = static_cast<size_t>(axis(node, types[0].shape.size()));
  Shape out = types[0].shape;
  for (size_t i = 1; i < types.size(); ++i) {
    Shape other = types[i].shape;
    if (other.size() == out.size()) {
      out[which] += other[which];
      other[which] = out[which];
    }
    if (other != out)
      refuse(node, "{} and {} differ in more than axis {}", compile::to_string(types[0]),
             compile::to_string(types[i]), which);
  }
  return {{types[0].dtype, out}};
}

Types pad_types(const Node& node, const Types& types) {
  const size_t rank = types[0].shape.size();
  const auto before = integers(node, "before", rank, 0), after = integers(node, "after", rank, 0);
  const std::string& mode = node.text("mode");
  if (mode != "constant" && mode != "reflect" && mode != "edge")
    refuse(node, "mode is '{}', must be constant, reflect or edge", mode);
  node.number("value", 0);
  Shape out = types[0].shape;
  for (size_t i = 0; i < rank; ++i) {
    const int64_t most = std::max(before[i], after[i]);
    if ((mode == "reflect" && most > 0 && most >= out[i]) || (mode == "edge" && most > 0 && out[i] == 0))
      refuse(node, "padding {} and {} is more than {} can {}", to_string(before), to_string(after),
             compile::to_string(types[0]), mode == "edge" ? "repeat" : "reflect");
    out[i] += before[i] + after[i];
  }
  return {{types[0].dtype, out}};
}

torch::Tensor source_indices(const std::string& mode, int64_t before, int64_t size, int64_t after) {
  const torch::Tensor index = torch::arange(-before, size + after);
  if (mode == "edge") return index.clamp(0, size - 1);
  return (size - 1) - ((size - 1) - index.abs()).abs();
}

Tensors pad(const Node& node, const Tensors& inputs) {
  const auto &before = node.integers("before"), &after = node.integers("after");
  const std::string& mode = node.text("mode");
  torch::Tensor result = inputs[0];
  if (mode == "constant") {
    std::vector<int64_t> list;
    for (size_t i = before.size(); i-- > 0;) list.insert(list.end(), {before[i], after[i]});
    return {at::constant_pad_nd(result, list, node.number("value", 0))};
  }
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i] != 0 || after[i] != 0)
      result = result.index_select(
          static_cast<int64_t>(i),
          source_indices(mode, before[i], result.size(static_cast<int64_t>(i)), after[i]));
  return {result};
}

}  // namespace

void add_shape_ops(Table& table) {
  const auto one = [&](const char* name, Infer infer, Evaluate evaluate, int most = 1) {
    add(table, {.name = name,
                .kind = OpClass::injective,
                .min_inputs = 1,
                .max_inputs = most,
                .infer = std::move(infer),
                .evaluate = std::move(evaluate)});
  };
  one("reshape", reshape_types, [](const Node& node, const Tensors& inputs) {
    return Tensors{inputs[0].reshape(node.integers("shape"))};
  });
  one("transpose", transpose_types, [](const Node& node, const Tensors& inputs) {
    return Tensors{inputs[0].permute(node.integers("axes"))};
  });
  one("broadcast", broadcast_types, [](const Node& node, const Tensors& inputs) {
    return Tensors{inputs[0].expand(node.integers("shape"))};
  });
  one("slice", slice_types, slice);
  one("flip", flip_types,
      [](const Node& node, const Tensors& inputs) { return Tensors{inputs[0].flip(node.integers("axes"))}; });
  one("pad", pad_types, pad);
  one(
      "concat", concat_types,
      [](const Node& node, const Tensors& inputs) { return Tensors{at::cat(inputs, node.integer("axis"))}; },
      -1);
  one(
      "layout",
      [](const Node& node, const Types& types) {
        if (node.integer("block") < 1) refuse(node, "block is {}, must be positive", node.integer("block"));
        return types;
      },
      [](const Node&, const Tensors& inputs) { return inputs; });
}

}  // namespace lathe::compile::ops
