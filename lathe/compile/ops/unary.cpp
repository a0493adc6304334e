#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

using Function = torch::Tensor (*)(const torch::Tensor&);

void add_one(Table& table, std::string name, Infer infer, Evaluate evaluate) {
  table.elementwise.insert(name);
  add(table, {.name = std::move(name),
              .kind = OpClass::injective,
              .infer = std::move(infer),
              .evaluate = std::move(evaluate)});
}

Types floating(const Node& node, const Types& types) {
  want_float(node, types[0], "its input");
  return types;
}

Types numeric(const Node& node, const Types& types) {
  if (types[0].dtype == DType::boolean)
    refuse(node, "its input is {}, wants numbers", compile::to_string(types[0]));
  return types;
}

Types same(const Node&, const Types& types) {
  return types;
}

Types logical(const Node& node, const Types& types) {
  if (types[0].dtype != DType::boolean)
    refuse(node, "its input is {}, wants bool", compile::to_string(types[0]));
  return types;
}

const std::pair<const char*, Function> kFloating[] = {
    {"exp", [](const torch::Tensor& x) { return x.exp(); }},
    {"log", [](const torch::Tensor& x) { return x.log(); }},
    {"sqrt", [](const torch::Tensor& x) { return x.sqrt(); }},
    {"rsqrt", [](const torch::Tensor& x) { return x.rsqrt(); }},
    {"reciprocal", [](const torch::Tensor& x) { return x.reciprocal(); }},
    {"sin", [](const torch::Tensor& x) { return x.sin(); }},
    {"cos", [](const torch::Tensor& x) { return x.cos(); }},
    {"asin", [](const torch::Tensor& x) { return x.asin(); }},
    {"acos", [](const torch::Tensor& x) { return x.acos(); }},
    {"atan", [](const torch::Tensor& x) { return x.atan(); }},
    {"tanh", [](const torch::Tensor& x) { return x.tanh(); }},
    {"sigmoid", [](const torch::Tensor& x) { return x.sigmoid(); }},
    {"erf", [](const torch::Tensor& x) { return x.erf(); }},
    {"gelu", [](const torch::Tensor& x) { return at::gelu(x, "none"); }},
    {"gelu_tanh", [](const torch::Tensor& x) { return at::gelu(x, "tanh"); }},
    {"silu", [](const torch::Tensor& x) { return at::silu(x); }},
    {"hardsigmoid", [](const torch::Tensor& x) { return at::hardsigmoid(x); }},
    {"hardswish", [](const torch::Tensor& x) { return at::hardswish(x); }},
    {"softplus", [](const torch::Tensor& x) { return at::logaddexp(x, torch::zeros({}, x.options())); }},
    {"softsign", [](const torch::Tensor& x) { return x / (x.abs() + 1); }},
    {"mish", [](const torch::Tensor& x) { return at::mish(x); }},
    {"selu", [](const torch::Tensor& x) { return at::selu(x); }},
    {"floor", [](const torch::Tensor& x) { return x.floor(); }},
    {"ceil", [](const torch::Tensor& x) { return x.ceil(); }},
    {"round", [](const torch::Tensor& x) { return x.round(); }},
};

const std::pair<const char*, Function> kNumeric[] = {
    {"neg", [](const torch::Tensor& x) { return x.neg(); }},
    {"abs", [](const torch::Tensor& x) { return x.abs(); }},
    {"sign", [](const torch::Tensor& x) { return x.sign(); }},
    {"square", [](const torch::Tensor& x) { return x * x; }},
    {"relu", [](const torch::Tensor& x) { return x.clamp_min(0); }},
};

Types clamp_types(const Node& node, const Types& types) {
  const double low = node.number("min"), high = node.number("max");
  if (std::isnan(low) || std::isnan(high) || low > high)
    refuse(node, "min is {} and max is {}; min must not be above max", low, high);
  return numeric(node, types);
}

// Bounds beyond what an integer type holds are no bounds.
c10::Scalar bound(const torch::Tensor& x, double value) {
  if (x.is_floating_point()) return value;
  const auto in_range = [&](double low, double high) {
    return static_cast<int64_t>(std::min(std::max(value, low), high));
  };
  switch (x.scalar_type()) {
    case torch::kUInt8:
      return in_range(0, 255);
    case torch::kInt8:
      return in_range(-128, 127);
    case torch::kInt16:
      return in_range(-32768, 32767);
    case torch::kInt32:
      return in_range(-2147483648.0, 2147483647.0);
    default:
      if (value >= 9.2e18) return std::numeric_limits<int64_t>::max();
      if (value <= -9.2e18) return std::numeric_limits<int64_t>::min();
      return static_cast<int64_t>(value);
  }
}

Tensors clamp(const Node& node, const Tensors& inputs) {
  return {inputs[0].clamp(bound(inputs[0], node.number("min")), bound(inputs[0], node.number("max")))};
}

Types cast_types(const Node& node, const Types& types) {
  return {{dtype_of(node.text("dtype")), types[0].shape}};
}

// As C does it: towards zero. A number is true unless it is zero.
Tensors cast(const Node& node, const Tensors& inputs) {
  const auto to = scalar_type(dtype_of(node.text("dtype")));
  return {inputs[0].to(to)};
}

Types elu_types(const Node& node, const Types& types) {
  node.number("alpha");
  return floating(node, types);
}

Types leaky_types(const Node& node, const Types& types) {
  node.number("slope");
  return floating(node, types);
}

}  // namespace

void add_unary_ops(Table& table) {
  for (const auto& [name, function] : kFloating)
    add_one(table, name, floating, [function = function](const Node&, const Tensors& inputs) {
      return Tensors{function(inputs[0])};
    });
  for (const auto& [name, function] : kNumeric)
    add_one(table, name, numeric, [function = function](const Node&, const Tensors& inputs) {
      return Tensors{function(inputs[0])};
    });
  add_one(table, "logical_not", logical,
          [](const Node&, const Tensors& inputs) { return Tensors{inputs[0].logical_not()}; });
  add_one(table, "identity", same, [](const Node&, const Tensors& inputs) { return inputs; });
  add_one(table, "clamp", clamp_types, clamp);
  add_one(table, "cast", cast_types, cast);
  add_one(table, "leaky_relu", leaky_types, [](const Node& node, const Tensors& inputs) {
    return Tensors{at::leaky_relu(inputs[0], node.number("slope"))};
  });
  add_one(table, "elu", elu_types, [](const Node& node, const Tensors& inputs) {
    return Tensors{at::elu(inputs[0], node.number("alpha"))};
  });
}

}  // namespace lathe::compile::ops
