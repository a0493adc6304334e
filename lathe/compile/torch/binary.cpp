#include <ATen/native/TypeProperties.h>
#include <torch/torch.h>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

using Ids = std::vector<ValueId>;

bool is_number(const Variable& variable) {
  return !variable.cell && !variable.sequence && variable.known.isScalar();
}

// What libtorch's rules of type promotion look at: type, and whether it is a tensor, a 0-d tensor or a
// number.
at::native::ResultTypeState state(const Builder& b, ValueId id, bool number, at::native::ResultTypeState in) {
  const torch::Tensor like =
      torch::empty(std::vector<int64_t>(b.shape(id).size(), 1), torch::dtype(scalar_type(b.dtype(id))));
  if (!number) return at::native::update_result_type_state(like, in);
  const bool floating = b.dtype(id) == DType::f64, boolean = b.dtype(id) == DType::boolean;
  const c10::Scalar scalar = boolean    ? c10::Scalar(true)
                             : floating ? c10::Scalar(1.0)
                                        : c10::Scalar(int64_t{1});
  return at::native::update_result_type_state(scalar, in);
}

ValueId operand(const Call& call, const char* name) {
  const Variable& variable = call.variable(name);
  if (!is_number(variable)) return call.tensor(name);
  const auto scalar = variable.known.toScalar();
  return call.builder().constant(
      torch::scalar_tensor(scalar, torch::dtype(scalar.isFloatingPoint() ? torch::kFloat64
                                                : scalar.isBoolean()     ? torch::kBool
                                                                         : torch::kInt64)));
}

std::pair<ValueId, ValueId> pair(const Call& call, const char* a, const char* b) {
  Builder& builder = call.builder();
  const ValueId left = operand(call, a), right = operand(call, b);
  at::native::ResultTypeState types;
  types = state(builder, left, is_number(call.variable(a)), types);
  types = state(builder, right, is_number(call.variable(b)), types);
  const DType common = dtype_of(at::native::result_type(types));
  return {builder.cast(left, common), builder.cast(right, common)};
}

// a op alpha · b
Ids scaled(const Call& call) {
  Builder& b = call.builder();
  auto [x, y] = pair(call, "self", "other");
  const double alpha = call.number("alpha", 1);
  if (alpha != 1) y = b.with("mul", y, alpha);
  if (call.name() == "aten::rsub") std::swap(x, y);
  if (b.dtype(x) == DType::boolean) return {b.add("logical_or", {x, y})};
  return {b.add(call.name() == "aten::add" ? "add" : "sub", {x, y})};
}

Ids product(const Call& call) {
  const auto [x, y] = pair(call, "self", "other");
  return {call.builder().add(call.builder().dtype(x) == DType::boolean ? "logical_and" : "mul", {x, y})};
}

Ids divide(const Call& call) {
  Builder& b = call.builder();
  auto [x, y] = pair(call, "self", "other");
  const std::string mode = call.name() == "aten::floor_divide" ? "floor" : call.text("rounding_mode", "");
  const bool floating = b.dtype(x) == DType::f32 || b.dtype(x) == DType::f64;
  if (mode.empty()) return {b.add("div", {to_float(b, x), to_float(b, y)})};
  if (mode == "trunc" && !floating) return {b.add("div", {x, y})};
  if (mode == "floor" && !floating) {
    const ValueId rest = b.add("mod", {x, y});
    return {b.add("div", {b.add("sub", {x, rest}), y})};
  }
  const ValueId quotient = b.add("div", {x, y});
  if (mode == "floor") return {b.add("floor", {quotient})};
  return {b.add("mul", {b.add("sign", {quotient}), b.add("floor", {b.add("abs", {quotient})})})};
}

Ids named(const Call& call, const char* ours) {
  const auto [x, y] = pair(call, "self", "other");
  return {call.builder().add(ours, {x, y})};
}

Ids logical(const Call& call, const char* ours) {
  Builder& b = call.builder();
  const ValueId x = operand(call, "self"), y = operand(call, "other");
  const bool bits = call.name().find("logical") == std::string::npos;
  if (bits && (b.dtype(x) != DType::boolean || b.dtype(y) != DType::boolean))
    throw InputError("bits of integers");
  return {b.add(ours, {b.cast(x, DType::boolean), b.cast(y, DType::boolean)})};
}

Ids power(const Call& call) {
  Builder& b = call.builder();
  const auto [x, y] = pair(call, "self", "exponent");
  if (b.is_constant(y) && b.tensor(y).numel() == 1) {
    const double exponent = b.tensor(y).item<double>();
    if (exponent == 2) return {b.add("square", {x})};
    if (exponent == 0.5) return {b.add("sqrt", {x})};
    if (exponent == 1) return {x};
  }
  return {b.add("pow", {x, y})};
}

Ids remainder(const Call& call) {
  const auto [x, y] = pair(call, "self", "other");
  return {call.builder().add("mod", {x, y}, {{"fmod", int64_t{call.name() == "aten::fmod"}}})};
}

Ids where(const Call& call) {
  const auto [x, y] = pair(call, "self", "other");
  Builder& b = call.builder();
  return {b.add("where", {b.cast(call.tensor("condition"), DType::boolean), x, y})};
}

Ids masked_fill(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const ValueId value = b.cast(operand(call, "value"), b.dtype(x));
  return {b.add("where", {b.cast(call.tensor("mask"), DType::boolean), value, x})};
}

// self + value · a op b
Ids fused(const Call& call) {
  Builder& b = call.builder();
  ValueId term =
      b.add(call.name() == "aten::addcmul" ? "mul" : "div", {call.tensor("tensor1"), call.tensor("tensor2")});
  if (call.number("value", 1) != 1) term = b.with("mul", term, call.number("value", 1));
  return {b.add("add", {call.tensor("self"), term})};
}

Ids lerp(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self"), weight = b.cast(operand(call, "weight"), b.dtype(x));
  return {b.add("add", {x, b.add("mul", {weight, b.add("sub", {call.tensor("end"), x})})})};
}

Ids prelu(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  ValueId slope = call.tensor("weight");
  if (b.type(slope).numel() > 1) {
    Shape shape(static_cast<size_t>(std::max<int64_t>(b.rank(x) - 1, 1)), 1);
    shape[0] = b.type(slope).numel();
    slope = b.reshape(slope, shape);
  } else {
    slope = b.reshape(slope, {});
  }
  return {b.add("prelu", {x, slope})};
}

}  // namespace

std::pair<ValueId, ValueId> promoted(const Call& call, const char* a, const char* b) {
  return pair(call, a, b);
}

void add_binary(Entries& entries) {
  entries["aten::add"] = entries["aten::sub"] = entries["aten::rsub"] = entries["aten::subtract"] = {scaled};
  entries["aten::mul"] = entries["aten::multiply"] = {product};
  entries["aten::div"] = entries["aten::divide"] = entries["aten::true_divide"] = {divide};
  entries["aten::floor_divide"] = {divide};
  entries["aten::pow"] = {power};
  entries["aten::remainder"] = entries["aten::fmod"] = {remainder};
  entries["aten::where"] = {where};
  entries["aten::masked_fill"] = {masked_fill};
  entries["aten::addcmul"] = entries["aten::addcdiv"] = {fused};
  entries["aten::lerp"] = {lerp};
  entries["aten::prelu"] = {prelu};
#define LATHE_NAMED(theirs, function, ours) \
  entries["aten::" theirs] = {[](const Call& call) { return function(call, ours); }};
  LATHE_NAMED("maximum", named, "maximum")
  LATHE_NAMED("minimum", named, "minimum")
  LATHE_NAMED("eq", named, "equal")
  LATHE_NAMED("ne", named, "not_equal")
  LATHE_NAMED("lt", named, "less")
  LATHE_NAMED("le", named, "less_equal")
  LATHE_NAMED("gt", named, "greater")
  LATHE_NAMED("ge", named, "greater_equal")
  LATHE_NAMED("logical_and", logical, "logical_and")
  LATHE_NAMED("logical_or", logical, "logical_or")
  LATHE_NAMED("logical_xor", logical, "logical_xor")
  LATHE_NAMED("bitwise_and", logical, "logical_and")
  LATHE_NAMED("bitwise_or", logical, "logical_or")
  LATHE_NAMED("bitwise_xor", logical, "logical_xor")
  LATHE_NAMED("__and__", logical, "logical_and")
  LATHE_NAMED("__or__", logical, "logical_or")
  LATHE_NAMED("__xor__", logical, "logical_xor")
#undef LATHE_NAMED
}

}  // namespace lathe::compile::torchscript
