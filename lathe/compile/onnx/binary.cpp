#include <torch/torch.h>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

const std::pair<const char*, const char*> kSame[] = {{"Add", "add"},
                                                     {"Sub", "sub"},
                                                     {"Mul", "mul"},
                                                     {"Div", "div"},
                                                     {"Equal", "equal"},
                                                     {"Less", "less"},
                                                     {"Greater", "greater"},
                                                     {"LessOrEqual", "less_equal"},
                                                     {"GreaterOrEqual", "greater_equal"},
                                                     {"And", "logical_and"},
                                                     {"Or", "logical_or"},
                                                     {"Xor", "logical_xor"},
                                                     {"PRelu", "prelu"}};

// Before opset 7 the second operand's axes were placed by an attribute, and a slope was one per channel.
ValueId second(const Call& call) {
  Builder& b = call.builder();
  const ValueId y = call.input(1);
  if (call.opset() >= 7) return y;
  const bool slope = call.node().op_type() == "PRelu" && b.rank(y) == 1 && b.type(y).numel() > 1;
  if (!slope && (call.integer("broadcast", 0) == 0 || !call.has("axis"))) return y;
  const int64_t rank = b.rank(call.input(0)), axis = slope ? 1 : call.axis("axis", 0, rank);
  Shape shape = b.shape(y);
  while (static_cast<int64_t>(shape.size()) < rank - axis) shape.push_back(1);
  return b.reshape(y, shape);
}

Ids same(const Call& call) {
  for (const auto& [theirs, ours] : kSame)
    if (call.node().op_type() == theirs) return {call.builder().add(ours, {call.input(0), second(call)})};
  throw Error("no entry for {}", call.node().op_type());
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64;
}

// The result has the base's type.
Ids power(const Call& call) {
  Builder& b = call.builder();
  const ValueId base = call.input(0), exponent = second(call);
  const DType type = b.dtype(base);
  if (is_float(type) || !is_float(b.dtype(exponent))) return {b.add("pow", {base, b.cast(exponent, type)})};
  return {b.cast(b.add("pow", {b.cast(base, DType::f64), b.cast(exponent, DType::f64)}), type)};
}

Ids mod(const Call& call) {
  return {call.builder().add("mod", {call.input(0), call.input(1)}, {{"fmod", call.integer("fmod", 0)}})};
}

Ids where(const Call& call) {
  return {call.builder().add("where", {call.input(0), call.input(1), call.input(2)})};
}

Ids variadic(const Call& call) {
  Builder& b = call.builder();
  const std::string& theirs = call.node().op_type();
  const std::string ours = theirs == "Max" ? "maximum" : theirs == "Min" ? "minimum" : "add";
  ValueId result = call.input(0);
  for (size_t i = 1; i < call.num_inputs(); ++i) result = b.add(ours, {result, call.input(i)});
  if (theirs == "Mean" && call.num_inputs() > 1)
    result = b.with("div", result, static_cast<double>(call.num_inputs()));
  return {result};
}

}  // namespace

void add_binary(Handlers& handlers) {
  for (const auto& [theirs, ours] : kSame) handlers[theirs] = same;
  handlers["Pow"] = power;
  handlers["Mod"] = mod;
  handlers["Where"] = where;
  for (const char* name : {"Max", "Min", "Sum", "Mean"}) handlers[name] = variadic;
}

}  // namespace lathe::compile::onnx_import
