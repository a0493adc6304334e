#include "lathe/compile/codegen/shape_rules.h"

#include <functional>

#include "lathe/compile/codegen/resize.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Rule = std::function<Access(Scope&, const Node&)>;

const Shape& shape_of(Scope& scope, ValueId id) {
  return scope.graph().type(id).shape;
}

Expr as_int(int64_t value) {
  return Expr(static_cast<int>(value));
}

Access reshape(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const Shape from = shape_of(scope, node.inputs[0]), to = shape_of(scope, node.outputs[0]);
  return [input, from, to](const Coordinates& at) {
    // Leading axes that stay are passed on; only what is behind them is counted through.
    size_t same = 0;
    while (same < from.size() && same < to.size() && from[same] == to[same]) ++same;
    Coordinates own(at.begin(), at.begin() + static_cast<long>(same));
    Expr flat = 0;
    for (size_t i = same; i < to.size(); ++i) flat = flat * as_int(to[i]) + at[i];
    Coordinates rest;
    for (size_t i = from.size(); i-- > same;) {
      rest.push_back(i == same ? flat : flat % as_int(from[i]));
      flat = flat / as_int(from[i]);
    }
    own.insert(own.end(), rest.rbegin(), rest.rend());
    return input(own);
  };
}

Access transpose(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const auto axes = node.integers("axes");
  return [input, axes](const Coordinates& at) {
    Coordinates own(axes.size());
    for (size_t i = 0; i < axes.size(); ++i) own[static_cast<size_t>(axes[i])] = at[i];
    return input(own);
  };
}

Access broadcast(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const Shape shape = shape_of(scope, node.inputs[0]);
  return [input, shape](const Coordinates& at) {
    Coordinates own(at.end() - static_cast<long>(shape.size()), at.end());
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 1) own[i] = 0;
    return input(own);
  };
}

Access slice(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const auto starts = node.integers("starts"), steps = node.integers("steps");
  return [input, starts, steps](Coordinates at) {
    for (size_t i = 0; i < at.size(); ++i) at[i] = at[i] * as_int(steps[i]) + as_int(starts[i]);
    return input(at);
  };
}

Access flip(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const Shape shape = shape_of(scope, node.inputs[0]);
  const auto axes = node.integers("axes");
  return [input, shape, axes](Coordinates at) {
    for (int64_t axis : axes)
      at[static_cast<size_t>(axis)] =
          as_int(shape[static_cast<size_t>(axis)] - 1) - at[static_cast<size_t>(axis)];
    return input(at);
  };
}

Access pad(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const Type type = scope.graph().type(node.inputs[0]);
  const auto before = node.integers("before"), after = node.integers("after");
  const std::string mode = node.text("mode");
  const Expr outside = Halide::Internal::make_const(halide_type(type.dtype),
                                                    mode == "constant" ? node.number("value", 0) : 0.0);
  return [=](Coordinates at) {
    Expr inside = Halide::Internal::const_true();
    for (size_t i = 0; i < at.size(); ++i) {
      if (before[i] == 0 && after[i] == 0) continue;
      const Expr last = as_int(type.shape[i] - 1);
      Expr c = at[i] - as_int(before[i]);
      if (mode == "reflect") {
        c = Halide::abs(c);
        c = Halide::cast<int>(c);
        c = Halide::select(c > last, 2 * last - c, c);
      } else if (mode == "constant") {
        inside = inside && c >= 0 && c <= last;
      }
      at[i] = Halide::clamp(Halide::likely(c), 0, last);
    }
    if (mode != "constant") return input(at);
    return Halide::select(Halide::likely(inside), input(at), outside);
  };
}

Access concat(Scope& scope, const Node& node) {
  const auto& output = scope.graph().value(node.outputs[0]);
  size_t axis = static_cast<size_t>(node.integer("axis"));
  const int64_t unit = output.layout.block > 1 ? output.layout.block : 1;
  if (unit > 1 && axis != 1) throw Error("blocked values are concatenated over their channels only");
  std::vector<Access> parts;
  std::vector<int64_t> extents;
  for (ValueId id : node.inputs) {
    parts.push_back(scope.at(id));
    extents.push_back(shape_of(scope, id)[axis] / unit);
  }
  return [parts, extents, axis](const Coordinates& at) {
    int64_t start = 0;
    for (int64_t extent : extents) start += extent;
    Expr result;
    for (size_t i = parts.size(); i-- > 0;) {
      start -= extents[i];
      Coordinates own = at;
      own[axis] = Halide::clamp(at[axis] - as_int(start), 0, as_int(extents[i] - 1));
      const Expr part = parts[i](own);
      result = result.defined() ? Halide::select(at[axis] < as_int(start + extents[i]), part, result) : part;
    }
    return result;
  };
}

// Indices from outside are kept inside the axis, whatever they are.
Access gather(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]), indices = scope.at(node.inputs[1]);
  const size_t axis = static_cast<size_t>(node.integer("axis")),
               index_rank = shape_of(scope, node.inputs[1]).size();
  const int64_t extent = shape_of(scope, node.inputs[0])[axis];
  return [=](const Coordinates& at) {
    const auto begin = at.begin() + static_cast<long>(axis), end = begin + static_cast<long>(index_rank);
    Expr index = Halide::cast<int>(indices(Coordinates(begin, end)));
    index = Halide::clamp(Halide::select(index < 0, index + as_int(extent), index), 0, as_int(extent - 1));
    Coordinates own(at.begin(), begin);
    own.push_back(index);
    own.insert(own.end(), end, at.end());
    return input(own);
  };
}

Access batch_norm(Scope& scope, const Node& node) {
  std::vector<Access> inputs;
  for (ValueId id : node.inputs) inputs.push_back(scope.at(id));
  const double eps = node.number("eps");
  return [inputs, eps](const Coordinates& at) {
    const Coordinates channel = {at[1]};
    const Expr x = inputs[0](at), variance = inputs[4](channel);
    return (x - inputs[3](channel)) / Halide::sqrt(variance + Halide::Internal::make_const(x.type(), eps)) *
               inputs[1](channel) +
           inputs[2](channel);
  };
}

// Between dense [N, C, H, W] and blocked storage; channels beyond C are zero.
Access layout(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const Value &from = scope.graph().value(node.inputs[0]), &to = scope.graph().value(node.outputs[0]);
  if (from.layout.block == to.layout.block) return input;
  const int block = std::max(from.layout.block, to.layout.block);
  if (from.layout.block > 1)
    return [input, block](const Coordinates& at) {
      return input({at[0], at[1] / block, at[2], at[3], at[1] % block});
    };
  const int channels = static_cast<int>(from.type.shape[1]);
  return [input, block, channels](const Coordinates& at) {
    const Expr channel = at[1] * block + at[4];
    if (channels % block == 0) return input({at[0], channel, at[2], at[3]});
    const Expr x = input({at[0], Halide::min(channel, channels - 1), at[2], at[3]});
    return Halide::select(channel < channels, x, Halide::Internal::make_zero(x.type()));
  };
}

// One scale, or one per index of the axis; round half to even.
struct Quantum {
  Access scale, zero_point;
  size_t axis = 0;
};
Quantum quantum(Scope& scope, const Node& node) {
  const auto scales = node.numbers("scale"), zeros = node.numbers("zero_point");
  Quantum q;
  q.axis = static_cast<size_t>(node.integer("axis", 0));
  const auto table = [&](torch::Tensor values, bool one) -> Access {
    if (one) return [c = Expr(values.item<float>())](const Coordinates&) { return c; };
    const int block = scope.graph().value(node.outputs[0]).layout.block;
    if (block <= 1) {
      const Access parameter = scope.builder().parameter(values);
      return [parameter, axis = q.axis](const Coordinates& at) { return parameter({at[axis]}); };
    }
    if (q.axis != 1) throw Error("{} of a blocked value has its scales along axis {}", node.op, q.axis);
    const int64_t blocks = (values.numel() + block - 1) / block;
    torch::Tensor padded = torch::ones({blocks * block});
    padded.slice(0, 0, values.numel()).copy_(values);
    const Access parameter = scope.builder().parameter(padded.view({blocks, block}));
    return [parameter](const Coordinates& at) { return parameter({at[1], at[4]}); };
  };
  q.scale = table(torch::tensor(scales).to(torch::kFloat), scales.size() == 1);
  q.zero_point = table(torch::tensor(zeros).to(torch::kFloat), zeros.size() == 1);
  return q;
}

Access quantize(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const Quantum q = quantum(scope, node);
  const DType dtype = scope.graph().type(node.outputs[0]).dtype;
  const float low = dtype == DType::u8 ? 0.f : -128.f, high = dtype == DType::u8 ? 255.f : 127.f;
  return [=](const Coordinates& at) {
    // No arithmetic in here may be contracted or replaced by a reciprocal: a byte is the reference's byte.
    const Expr steps = Halide::round(Halide::strict_float(input(at) / q.scale(at))) + q.zero_point(at);
    return Halide::cast(halide_type(dtype), Halide::clamp(steps, low, high));
  };
}

Access dequantize(Scope& scope, const Node& node) {
  const Access input = scope.at(node.inputs[0]);
  const Quantum q = quantum(scope, node);
  return [=](const Coordinates& at) {
    return (Halide::cast<float>(input(at)) - q.zero_point(at)) * q.scale(at);
  };
}

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> table = {{"reshape", reshape},
                                                    {"transpose", transpose},
                                                    {"broadcast", broadcast},
                                                    {"slice", slice},
                                                    {"flip", flip},
                                                    {"pad", pad},
                                                    {"concat", concat},
                                                    {"gather", gather},
                                                    {"layout", layout},
                                                    {"resize", resize},
                                                    {"batch_norm", batch_norm},
                                                    {"quantize", quantize},
                                                    {"dequantize", dequantize}};
  return table;
}

}  // namespace

bool has_shape_rule(const std::string& op) {
  return rules().count(op) > 0;
}

Access shape_access(Scope& scope, const Node& node) {
  const auto rule = rules().find(node.op);
  if (rule == rules().end()) throw Error("{} has no rule among the injective kernels", node.op);
  return rule->second(scope, node);
}

}  // namespace lathe::compile::codegen
