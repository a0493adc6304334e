#include <cmath>
#include <limits>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Ids = std::vector<ValueId>;

// aten::NAME(self) is our NAME, in floating point.
Ids same_name(const Call& call) {
  return {call.builder().add(call.name().substr(6), {to_float(call.builder(), call.tensor("self"))})};
}

Ids numeric(const Call& call) {
  return {call.builder().add(call.name().substr(6), {call.tensor("self")})};
}

// Rounding leaves integers as they are.
Ids rounding(const Call& call) {
  const ValueId x = call.tensor("self");
  if (call.has("decimals") && call.integer("decimals") != 0) throw InputError("rounds to decimals");
  const DType dtype = call.builder().dtype(x);
  return {dtype == DType::f32 || dtype == DType::f64 ? call.builder().add(call.name().substr(6), {x}) : x};
}

ValueId clamped(const Call& call, ValueId x, double low, double high) {
  return call.builder().add("clamp", {x}, {{"min", low}, {"max", high}});
}

Ids clamp(const Call& call) {
  for (const char* bound : {"min", "max"})
    if (call.has(bound) && (call.variable(bound).cell || call.variable(bound).known.isTensor()))
      throw InputError("clamps to a tensor; use torch.maximum and torch.minimum");
  ValueId x = call.tensor("self");
  const double low = call.number("min", -kInfinity), high = call.number("max", kInfinity);
  const auto fraction = [](double bound) { return std::isfinite(bound) && bound != std::floor(bound); };
  if (fraction(low) || fraction(high)) x = to_float(call.builder(), x);
  return {clamped(call, x, low, std::max(low, high))};
}

Ids hardtanh(const Call& call) {
  return {clamped(call, call.tensor("self"), call.number("min_val", -1), call.number("max_val", 1))};
}

Ids elu(const Call& call) {
  if (call.number("scale", 1) != 1 || call.number("input_scale", 1) != 1)
    throw InputError("scales its input or output");
  return {call.builder().add("elu", {call.tensor("self")}, {{"alpha", call.number("alpha", 1)}})};
}

// alpha · elu(x / alpha) with the negative side alpha · (exp(x / alpha) − 1).
Ids celu(const Call& call) {
  Builder& b = call.builder();
  const double alpha = call.number("alpha", 1);
  const ValueId scaled = b.with("div", call.tensor("self"), alpha);
  return {b.with("mul", b.add("elu", {scaled}, {{"alpha", 1.0}}), alpha)};
}

Ids leaky_relu(const Call& call) {
  return {call.builder().add("leaky_relu", {call.tensor("self")},
                             {{"slope", call.number("negative_slope", 0.01)}})};
}

Ids gelu(const Call& call) {
  return {call.builder().add(call.text("approximate", "none") == "tanh" ? "gelu_tanh" : "gelu",
                             {call.tensor("self")})};
}

// Above the threshold softplus is the identity; there the difference is below exp(-threshold) / beta.
Ids softplus(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const double beta = call.number("beta", 1), threshold = call.number("threshold", 20);
  const ValueId scaled = beta == 1 ? x : b.with("mul", x, beta);
  const ValueId soft = b.add("softplus", {scaled});
  const ValueId y = beta == 1 ? soft : b.with("div", soft, beta);
  return {threshold >= 15 ? y : b.add("where", {b.with("greater", scaled, threshold), x, y})};
}

Ids log_sigmoid(const Call& call) {
  Builder& b = call.builder();
  return {b.add("neg", {b.add("softplus", {b.add("neg", {call.tensor("self")})})})};
}

Ids threshold(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const ValueId value = b.scalar(call.number("value"), b.dtype(x));
  return {b.add("where", {b.with("greater", x, call.number("threshold")), x, value})};
}

Ids square(const Call& call) {
  return {call.builder().add("square", {call.tensor("self")})};
}

Ids logarithm(const Call& call) {
  Builder& b = call.builder();
  const std::string name = call.name();
  const ValueId x = to_float(b, call.tensor("self"));
  if (name == "aten::log1p") return {b.add("log", {b.with("add", x, 1)})};
  return {b.with("div", b.add("log", {x}), std::log(name == "aten::log2" ? 2.0 : 10.0))};
}

Ids exponential(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = to_float(b, call.tensor("self"));
  if (call.name() == "aten::expm1") return {b.with("sub", b.add("exp", {x}), 1)};
  return {b.add("exp", {b.with("mul", x, std::log(2.0))})};
}

Ids tangent(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = to_float(b, call.tensor("self"));
  return {b.add("div", {b.add("sin", {x}), b.add("cos", {x})})};
}

Ids logical_not(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  if (call.name() == "aten::bitwise_not" && b.dtype(x) != DType::boolean)
    throw InputError("bits of integers");
  return {b.add("logical_not", {b.cast(x, DType::boolean)})};
}

Ids is_nan(const Call& call) {
  const ValueId x = call.tensor("self");
  return {call.builder().add("not_equal", {x, x})};
}

Ids glu(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t axis = call.axis("dim", b.rank(x)), size = b.shape(x)[static_cast<size_t>(axis)];
  return {
      b.add("mul", {b.slice(x, axis, 0, size / 2), b.add("sigmoid", {b.slice(x, axis, size / 2, size)})})};
}

// aten::to in all its forms: only the type matters.
Ids convert(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  if (call.has("other")) return {b.cast(x, b.dtype(call.tensor("other")))};
  if (!call.has("dtype")) return {x};
  return {b.cast(x, dtype_of(static_cast<torch::ScalarType>(call.integer("dtype"))))};
}

Ids pass(const Call& call) {
  return {call.tensor(call.has("self") ? "self" : call.has("input") ? "input" : "a")};
}

Ids dropout(const Call& call) {
  if (call.flag("train", false)) throw InputError("is in training mode; call eval() first");
  return {call.tensor("input")};
}

}  // namespace

ValueId to_float(Builder& builder, ValueId x) {
  const DType dtype = builder.dtype(x);
  return dtype == DType::f32 || dtype == DType::f64 ? x : builder.cast(x, DType::f32);
}

void add_elementwise(Entries& entries) {
  for (const char* name : {"exp", "log", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "asin", "acos", "atan",
                           "tanh", "sigmoid", "erf", "silu", "hardsigmoid", "hardswish", "mish", "selu"})
    entries[std::string("aten::") + name] = {same_name};
  for (const char* name : {"neg", "abs", "sign", "relu"}) entries[std::string("aten::") + name] = {numeric};
  for (const char* name : {"floor", "ceil", "round"}) entries[std::string("aten::") + name] = {rounding};
  for (const char* name : {"to", "type_as"}) entries[std::string("aten::") + name] = {convert, true};
  for (const char* name : {"contiguous", "detach", "alias", "lift_fresh", "requires_grad"})
    entries[std::string("aten::") + name] = {pass, true};
  for (const char* name : {"clone", "cpu", "_conj", "resolve_conj", "resolve_neg"})
    entries[std::string("aten::") + name] = {pass};
  for (const char* name : {"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"})
    entries[std::string("aten::") + name] = {dropout, true};
  entries["aten::relu6"] = {[](const Call& call) { return Ids{clamped(call, call.tensor("self"), 0, 6)}; }};
  entries["aten::clamp_min"] = {clamp};
  entries["aten::clamp_max"] = {clamp};
  entries["aten::clamp"] = {clamp};
  entries["aten::hardtanh"] = {hardtanh};
  entries["aten::elu"] = {elu};
  entries["aten::celu"] = {celu};
  entries["aten::leaky_relu"] = {leaky_relu};
  entries["aten::gelu"] = {gelu};
  entries["aten::softplus"] = {softplus};
  entries["aten::log_sigmoid"] = {log_sigmoid};
  entries["aten::threshold"] = {threshold};
  entries["aten::square"] = {square};
  entries["aten::log1p"] = entries["aten::log2"] = entries["aten::log10"] = {logarithm};
  entries["aten::expm1"] = entries["aten::exp2"] = {exponential};
  entries["aten::tan"] = {tangent};
  entries["aten::logical_not"] = entries["aten::bitwise_not"] = {logical_not};
  entries["aten::isnan"] = {is_nan};
  entries["aten::glu"] = {glu};
}

}  // namespace lathe::compile::torchscript
