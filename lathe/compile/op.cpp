#include "lathe/compile/op.h"

#include "lathe/compile/ops/table.h"
#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"

namespace lathe::compile {
namespace {

// Explicit calls: the linker drops objects of a static library that only register themselves.
ops::Table& table() {
  static ops::Table table = [] {
    ops::Table all;
    ops::add_unary_ops(all);
    ops::add_broadcasting_ops(all);
    ops::add_convolution_ops(all);
    ops::add_linear_algebra_ops(all);
    ops::add_reduction_ops(all);
    ops::add_pooling_ops(all);
    ops::add_normalization_ops(all);
    ops::add_shape_ops(all);
    ops::add_indexing_ops(all);
    ops::add_resize_ops(all);
    ops::add_recurrent_ops(all);
    ops::add_quantization_ops(all);
    return all;
  }();
  return table;
}

}  // namespace

const Op& op(std::string_view name) {
  const auto found = table().ops.find(name);
  if (found != table().ops.end()) return found->second;
  const auto near = core::nearest(name, op_names());
  throw InputError("unknown operator '{}'{}", name, near ? fmt::format("; did you mean {}?", *near) : "");
}

bool is_op(std::string_view name) {
  return table().ops.count(name) > 0;
}

std::vector<std::string> op_names() {
  std::vector<std::string> names;
  for (const auto& [name, op] : table().ops) names.push_back(name);
  return names;
}

void register_op(Op op) {
  ops::add(table(), std::move(op));
}

bool is_elementwise(std::string_view name) {
  return table().elementwise.count(name) > 0;
}

bool is_depthwise(const Node& conv, const Shape& in, const Shape& out) {
  return in.size() == 4 && in[1] > 1 && conv.integer("groups") == in[1] && in[1] == out[1];
}

}  // namespace lathe::compile
