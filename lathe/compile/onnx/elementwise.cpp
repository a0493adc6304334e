#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Function>
Ids on_one(const Call& call, Function function) {
  return {function(call.builder(), call.input(0))};
}

ValueId clamp(Builder& b, ValueId x, double low, double high) {
  return b.add("clamp", {x}, {{"min", low}, {"max", high}});
}

const std::pair<const char*, const char*> kSame[] = {{"Neg", "neg"},
                                                     {"Abs", "abs"},
                                                     {"Exp", "exp"},
                                                     {"Log", "log"},
                                                     {"Sqrt", "sqrt"},
                                                     {"Sin", "sin"},
                                                     {"Cos", "cos"},
                                                     {"Asin", "asin"},
                                                     {"Acos", "acos"},
                                                     {"Atan", "atan"},
                                                     {"Tanh", "tanh"},
                                                     {"Sigmoid", "sigmoid"},
                                                     {"Erf", "erf"},
                                                     {"Relu", "relu"},
                                                     {"Ceil", "ceil"},
                                                     {"Floor", "floor"},
                                                     {"Round", "round"},
                                                     {"Sign", "sign"},
                                                     {"Not", "logical_not"},
                                                     {"Mish", "mish"},
                                                     {"Softplus", "softplus"},
                                                     {"Softsign", "softsign"},
                                                     {"HardSwish", "hardswish"},
                                                     {"Reciprocal", "reciprocal"}};

Ids same(const Call& call) {
  for (const auto& [theirs, ours] : kSame)
    if (call.node().op_type() == theirs) return {call.builder().add(ours, {call.input(0)})};
  throw Error("no entry for {}", call.node().op_type());
}

Ids clip(const Call& call) {
  Builder& b = call.builder();
  if (call.opset() < 11)
    return {clamp(b, call.input(0), call.number("min", -kInfinity), call.number("max", kInfinity))};
  ValueId x = call.input(0);
  const auto known = [&](size_t i) { return !call.has_input(i) || b.is_constant(call.input(i)); };
  if (known(1) && known(2)) {
    const double low = call.has_input(1) ? call.constant_number(1) : -kInfinity;
    const double high = call.has_input(2) ? call.constant_number(2) : kInfinity;
    return {low > high ? b.add("minimum", {b.add("maximum", {x, call.input(1)}), call.input(2)})
                       : clamp(b, x, low, high)};
  }
  if (call.has_input(1)) x = b.add("maximum", {x, call.input(1)});
  if (call.has_input(2)) x = b.add("minimum", {x, call.input(2)});
  return {x};
}

Ids cast(const Call& call) {
  Builder& b = call.builder();
  if (call.node().op_type() == "CastLike") return {b.cast(call.input(0), b.dtype(call.input(1)))};
  return {b.cast(call.input(0), dtype_of_onnx(static_cast<int>(call.integer("to", 0))))};
}

Ids selu(const Call& call) {
  Builder& b = call.builder();
  const double alpha = call.number("alpha", 1.67326319217681884765625),
               gamma = call.number("gamma", 1.05070102214813232421875);
  if (std::abs(alpha - 1.6732632423543772) < 1e-6 && std::abs(gamma - 1.0507009873554805) < 1e-6)
    return {b.add("selu", {call.input(0)})};
  return {b.with("mul", b.add("elu", {call.input(0)}, {{"alpha", alpha}}), gamma)};
}

Ids celu(const Call& call) {
  Builder& b = call.builder();
  const double alpha = call.number("alpha", 1);
  return {b.with("mul", b.add("elu", {b.with("div", call.input(0), alpha)}, {{"alpha", 1.0}}), alpha)};
}

Ids hard_sigmoid(const Call& call) {
  Builder& b = call.builder();
  return {clamp(
      b, b.with("add", b.with("mul", call.input(0), call.number("alpha", 0.2)), call.number("beta", 0.5)), 0,
      1)};
}

Ids shrink(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0), zero = b.scalar(0, b.dtype(x));
  const double lambda = call.number("lambd", 0.5), bias = call.number("bias", 0);
  const ValueId high = b.add("where", {b.with("greater", x, lambda), b.with("sub", x, bias), zero});
  return {b.add("where", {b.with("less", x, -lambda), b.with("add", x, bias), high})};
}

Ids thresholded_relu(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  return {b.add("where", {b.with("greater", x, call.number("alpha", 1)), x, b.scalar(0, b.dtype(x))})};
}

Ids is_infinite(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const ValueId up = b.with("equal", x, kInfinity), down = b.with("equal", x, -kInfinity);
  const bool positive = call.integer("detect_positive", 1) != 0,
             negative = call.integer("detect_negative", 1) != 0;
  if (positive && negative) return {b.add("logical_or", {up, down})};
  if (positive || negative) return {positive ? up : down};
  return {b.add("logical_and", {up, down})};
}

// e^x ± e^-x, halved.
ValueId hyperbolic(Builder& b, ValueId x, const char* op) {
  return b.with("mul", b.add(op, {b.add("exp", {x}), b.add("exp", {b.add("neg", {x})})}), 0.5);
}

// sign(x) log(|x| + sqrt(x² + 1)): nothing cancels.
ValueId arsinh(Builder& b, ValueId x) {
  const ValueId size = b.add("abs", {x});
  const ValueId root = b.add("sqrt", {b.with("add", b.add("square", {x}), 1)});
  return b.add("mul", {b.add("sign", {x}), b.add("log", {b.add("add", {size, root})})});
}

ValueId arcosh(Builder& b, ValueId x) {
  return b.add("log", {b.add("add", {x, b.add("sqrt", {b.with("sub", b.add("square", {x}), 1)})})});
}

ValueId artanh(Builder& b, ValueId x) {
  const ValueId below = b.add("sub", {b.scalar(1, b.dtype(x)), x});
  return b.with("mul", b.add("log", {b.add("div", {b.with("add", x, 1), below})}), 0.5);
}

Ids dropout(const Call& call) {
  Builder& b = call.builder();
  const bool training = call.has_input(2) && call.constant(2).to(torch::kBool).item<bool>();
  const double ratio = call.has_input(1) ? call.constant_number(1) : 0.5;
  if (training && ratio != 0) throw InputError("is in training mode; export the model for inference");
  Ids outputs = {call.input(0)};
  if (call.wants_output(1))
    outputs.push_back(b.broadcast(b.constant(torch::ones({}, torch::kBool)), b.shape(call.input(0))));
  return outputs;
}

}  // namespace

void add_elementwise(Handlers& handlers) {
  for (const auto& [theirs, ours] : kSame) handlers[theirs] = same;
  handlers["Identity"] = [](const Call& call) { return Ids{call.input(0)}; };
  handlers["Dropout"] = dropout;
  handlers["Clip"] = clip;
  handlers["Cast"] = handlers["CastLike"] = cast;
  handlers["Selu"] = selu;
  handlers["Celu"] = celu;
  handlers["HardSigmoid"] = hard_sigmoid;
  handlers["Shrink"] = shrink;
  handlers["ThresholdedRelu"] = thresholded_relu;
  handlers["IsInf"] = is_infinite;
  handlers["IsNaN"] = [](const Call& call) {
    return Ids{call.builder().add("not_equal", {call.input(0), call.input(0)})};
  };
  handlers["Elu"] = [](const Call& call) {
    return Ids{call.builder().add("elu", {call.input(0)}, {{"alpha", call.number("alpha", 1)}})};
  };
  handlers["LeakyRelu"] = [](const Call& call) {
    return Ids{call.builder().add("leaky_relu", {call.input(0)}, {{"slope", call.number("alpha", 0.01)}})};
  };
  handlers["Tan"] = [](const Call& call) {
    return on_one(call, [](Builder& b, ValueId x) {
      return b.add("div", {b.add("sin", {x}), b.add("cos", {x})});
    });
  };
  handlers["Sinh"] = [](const Call& call) {
    return on_one(call, [](Builder& b, ValueId x) { return hyperbolic(b, x, "sub"); });
  };
  handlers["Cosh"] = [](const Call& call) {
    return on_one(call, [](Builder& b, ValueId x) { return hyperbolic(b, x, "add"); });
  };
  handlers["Asinh"] = [](const Call& call) { return on_one(call, arsinh); };
  handlers["Acosh"] = [](const Call& call) { return on_one(call, arcosh); };
  handlers["Atanh"] = [](const Call& call) { return on_one(call, artanh); };
}

}  // namespace lathe::compile::onnx_import
