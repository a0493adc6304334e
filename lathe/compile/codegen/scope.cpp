#include "lathe/compile/codegen/scope.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lathe/compile/codegen/expressions.h"
#include "lathe/compile/codegen/shape_rules.h"
#include "lathe/compile/op.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;

// A constant with one number per channel, seen from a blocked value: [⌈C/b⌉, b], zeros behind.
Access channel_constant(Scope& scope, const Value& value, int64_t channels, int block) {
  const int64_t blocks = (channels + block - 1) / block;
  torch::Tensor padded = torch::zeros({blocks * block}, value.constant.scalar_type());
  padded.slice(0, 0, channels).copy_(value.constant.flatten().expand({channels}));
  const Access parameter = scope.builder().parameter(padded.view({blocks, block}));
  return [parameter](const Coordinates& at) { return parameter({at[1], at[4]}); };
}

// An operand of an element-wise node at the coordinates of its output.
Access operand(Scope& scope, ValueId id, const Value& output) {
  const Value& value = scope.graph().value(id);
  if (output.layout.block > 1) {
    if (value.layout.block > 1) {
      const auto& s = value.type.shape;
      const bool pointwise = s[2] == output.type.shape[2] && s[3] == output.type.shape[3];
      const bool one_image = s[0] == 1 && output.type.shape[0] != 1;
      const Access access = scope.at(id);
      return [access, pointwise, one_image](Coordinates at) {
        if (!pointwise) at[2] = at[3] = 0;
        if (one_image) at[0] = 0;
        return access(at);
      };
    }
    if (value.is_constant() && value.type.numel() > 1)
      return channel_constant(scope, value, output.type.shape[1], output.layout.block);
    if (value.type.numel() != 1)
      throw Error("a blocked kernel reads a dense value of {} elements", value.type.numel());
    const Access access = scope.at(id);
    const size_t rank = value.type.shape.size();
    return [access, rank](const Coordinates&) { return access(Coordinates(rank, Expr(0))); };
  }
  const Access access = scope.at(id);
  const Shape shape = value.type.shape;
  return [access, shape](const Coordinates& at) {
    Coordinates own(at.end() - static_cast<long>(shape.size()), at.end());
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 1) own[i] = 0;
    return access(own);
  };
}

Access elementwise_access(Scope& scope, const Node& node) {
  const Value& output = scope.graph().value(node.outputs[0]);
  std::vector<Access> operands;
  for (ValueId id : node.inputs) operands.push_back(operand(scope, id, output));
  return [node, operands, dtype = output.type.dtype](const Coordinates& at) {
    std::vector<Expr> inputs;
    for (const Access& access : operands) inputs.push_back(access(at));
    return elementwise(node, inputs, dtype);
  };
}

}  // namespace

const Access& Scope::at(ValueId value) {
  auto known = accesses_.find(value);
  if (known == accesses_.end()) known = accesses_.emplace(value, builder_.input(value)).first;
  return known->second;
}

void Scope::lower(const Node& node) {
  define(node.outputs[0],
         has_shape_rule(node.op) ? shape_access(*this, node) : elementwise_access(*this, node));
}

bool can_lower(const std::string& op) {
  return is_elementwise(op) || has_shape_rule(op);
}

ValueId lower_rest(Scope& scope, const Group& group) {
  const Graph& graph = scope.graph();
  for (const int index : group.nodes) {
    const Node& node = graph.nodes[static_cast<size_t>(index)];
    if (!scope.defined(node.outputs[0])) scope.lower(node);
  }
  return graph.nodes[static_cast<size_t>(group.nodes.back())].outputs[0];
}

Expr without_filling(const Value& value, const Coordinates& at, const Expr& element) {
  const int block = value.layout.block;
  if (block <= 1 || value.type.shape[1] % block == 0) return element;
  const int channels = static_cast<int>(value.type.shape[1]);
  return Halide::select(at[1] * block + at[4] < channels, element,
                        Halide::Internal::make_zero(element.type()));
}

double flops_per_element(const Graph& graph, const Group& group) {
  double flops = 0;
  for (int index : group.nodes) {
    const std::string& op = graph.nodes[static_cast<size_t>(index)].op;
    if (is_elementwise(op)) flops += elementwise_cost(op);
  }
  return flops;
}

std::string signature(const Graph& graph, const Group& group) {
  std::map<ValueId, int> local;
  std::string text;
  const auto describe = [&](ValueId id) {
    const Value& value = graph.value(id);
    const auto [known, fresh] = local.emplace(id, static_cast<int>(local.size()));
    text += fmt::format(" %{}", known->second);
    if (!fresh) return;
    text += fmt::format(":{}/{}[{}]", to_string(value.type), value.layout.block,
                        fmt::join(value.layout.border, ","));
    if (value.is_constant() && value.type.numel() == 1)
      text += fmt::format("={:a}", value.constant.to(torch::kDouble).item<double>());
    else if (value.is_constant())
      text += "=const";
  };
  for (int index : group.nodes) {
    const Node& node = graph.nodes[static_cast<size_t>(index)];
    text += node.op + "(";
    for (ValueId id : node.inputs) describe(id);
    text += " ) {";
    for (const auto& [name, attribute] : node.attributes) {
      text += name + "=";
      std::visit(
          [&](const auto& value) {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, std::vector<int64_t>>)
              text += fmt::format("[{}]", fmt::join(value, ","));
            else if constexpr (std::is_same_v<T, std::vector<double>>)
              for (double v : value) text += fmt::format("{:a},", v);
            else if constexpr (std::is_same_v<T, double>)
              text += fmt::format("{:a}", value);
            else
              text += fmt::format("{}", value);
          },
          attribute);
      text += ";";
    }
    text += "} ->";
    for (ValueId id : node.outputs) describe(id);
    text += "\n";
  }
  return text;
}

}  // namespace lathe::compile::codegen
