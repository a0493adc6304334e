#include <torch/torch.h>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

using Function = torch::Tensor (*)(const torch::Tensor&, const torch::Tensor&);

Types arithmetic(const Node& node, const Types& types) {
  want_same_dtype(node, types);
  if (types[0].dtype == DType::boolean) refuse(node, "its inputs are bool, wants numbers");
  return {{types[0].dtype, broadcast(node, types[0].shape, types[1].shape)}};
}

Types comparison(const Node& node, const Types& types) {
  want_same_dtype(node, types);
  return {{DType::boolean, broadcast(node, types[0].shape, types[1].shape)}};
}

Types logical(const Node& node, const Types& types) {
  want_same_dtype(node, types);
  if (types[0].dtype != DType::boolean)
    refuse(node, "its inputs are {}, wants bool", compile::to_string(types[0]));
  return {{DType::boolean, broadcast(node, types[0].shape, types[1].shape)}};
}

Types floating(const Node& node, const Types& types) {
  want_float(node, types[0], "its input");
  return arithmetic(node, types);
}

Types where_types(const Node& node, const Types& types) {
  if (types[0].dtype != DType::boolean)
    refuse(node, "condition is {}, wants bool", compile::to_string(types[0]));
  want_same_dtype(node, {types[1], types[2]});
  return {{types[1].dtype, broadcast(node, types[0].shape, broadcast(node, types[1].shape, types[2].shape))}};
}

torch::Tensor divide(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.is_floating_point()) return a / b;
  if (b.eq(0).any().item<bool>()) throw InputError("div: an integer is divided by zero");
  return at::div(a, b, "trunc");
}

torch::Tensor power(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.is_floating_point()) return a.pow(b);
  return a.to(torch::kFloat64).pow(b.to(torch::kFloat64)).to(a.scalar_type());
}

Tensors modulo(const Node& node, const Tensors& inputs) {
  if (!inputs[0].is_floating_point() && inputs[1].eq(0).any().item<bool>())
    throw InputError("mod: an integer is divided by zero");
  return {node.integer("fmod", 0) != 0 ? at::fmod(inputs[0], inputs[1])
                                       : at::remainder(inputs[0], inputs[1])};
}

struct Definition {
  const char* name;
  Types (*infer)(const Node&, const Types&);
  Function function;
};

#define LATHE_BINARY [](const torch::Tensor& a, const torch::Tensor& b)
const Definition kDefinitions[] = {{"add", arithmetic, LATHE_BINARY{return a + b;
}  // namespace
}  // namespace lathe::compile::ops
, {"sub", arithmetic, LATHE_BINARY{return a - b;
}
}
, {"mul", arithmetic, LATHE_BINARY{return a * b;
}
}
, {"div", arithmetic, divide}, {"pow", arithmetic, power},
    {"maximum", arithmetic, LATHE_BINARY{return at::maximum(a, b);
}
}
, {"minimum", arithmetic, LATHE_BINARY{return at::minimum(a, b);
}
}
, {"prelu", floating, LATHE_BINARY{return at::where(a < 0, a* b, a);
}
}
, {"equal", comparison, LATHE_BINARY{return a.eq(b);
}
}
, {"not_equal", comparison, LATHE_BINARY{return a.ne(b);
}
}
, {"less", comparison, LATHE_BINARY{return a.lt(b);
}
}
, {"less_equal", comparison, LATHE_BINARY{return a.le(b);
}
}
, {"greater", comparison, LATHE_BINARY{return a.gt(b);
}
}
, {"greater_equal", comparison, LATHE_BINARY{return a.ge(b);
}
}
, {"logical_and", logical, LATHE_BINARY{return a.logical_and(b);
}
}
, {"logical_or", logical, LATHE_BINARY{return a.logical_or(b);
}
}
, {"logical_xor", logical, LATHE_BINARY{return a.logical_xor(b);
}
}
,
}
;
#undef LATHE_BINARY

void add_one(Table& table, std::string name, int inputs, Infer infer, Evaluate evaluate) {
  table.elementwise.insert(name);
  add(table, {.name = std::move(name),
              .kind = OpClass::injective,
              .min_inputs = inputs,
              .max_inputs = inputs,
              .infer = std::move(infer),
              .evaluate = std::move(evaluate)});
}

}  // namespace

void add_broadcasting_ops(Table& table) {
  for (const auto& definition : kDefinitions)
    add_one(table, definition.name, 2, definition.infer,
            [function = definition.function](const Node&, const Tensors& inputs) {
              return Tensors{function(inputs[0], inputs[1])};
            });
  add_one(table, "mod", 2, arithmetic, modulo);
  add_one(table, "where", 3, where_types, [](const Node&, const Tensors& inputs) {
    return Tensors{at::where(inputs[0], inputs[1], inputs[2])};
  });
}

}  // namespace lathe::compile::ops
