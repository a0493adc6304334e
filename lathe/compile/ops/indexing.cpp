#include <torch/torch.h>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

Types gather_types(const Node& node, const Types& types) {
  if (types[1].dtype != DType::i64 && types[1].dtype != DType::i32)
    refuse(node, "indices is {}, wants i64 or i32", compile::to_string(types[1]));
  want_rank(node, types[0], "x", 1);
  const int64_t which = axis(node, types[0].shape.size());
  Shape out(types[0].shape.begin(), types[0].shape.begin() + which);
  out.insert(out.end(), types[1].shape.begin(), types[1].shape.end());
  out.insert(out.end(), types[0].shape.begin() + which + 1, types[0].shape.end());
  return {{types[0].dtype, out}};
}

Tensors gather(const Node& node, const Tensors& inputs) {
  const int64_t axis = node.integer("axis"), size = inputs[0].size(axis);
  torch::Tensor index = inputs[1].to(torch::kInt64).reshape({-1});
  if (index.numel() > 0 && (index.min().item<int64_t>() < -size || index.max().item<int64_t>() >= size))
    refuse(node, "an index lies outside [-{}, {})", size, size);
  index = at::where(index < 0, index + size, index);
  std::vector<int64_t> shape(inputs[0].sizes().begin(), inputs[0].sizes().begin() + axis);
  shape.insert(shape.end(), inputs[1].sizes().begin(), inputs[1].sizes().end());
  shape.insert(shape.end(), inputs[0].sizes().begin() + axis + 1, inputs[0].sizes().end());
  return {inputs[0].index_select(axis, index).reshape(shape)};
}

}  // namespace

void add_indexing_ops(Table& table) {
  add(table, {.name = "gather",
              .kind = OpClass::injective,
              .min_inputs = 2,
              .max_inputs = 2,
              .infer = gather_types,
              .evaluate = gather});
}

}  // namespace lathe::compile::ops
