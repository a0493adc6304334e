#include <torch/torch.h>

#include <numeric>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

List all_axes(const Builder& b, ValueId x) {
  List axes(b.shape(x).size());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

List axes_of(const Call& call) {
  const Builder& b = call.builder();
  const ValueId x = call.input(0);
  List axes = call.integers_or_input("axes", 1);
  if (axes.empty()) return call.integer("noop_with_empty_axes", 0) != 0 ? List{} : all_axes(b, x);
  for (int64_t& axis : axes) axis = wrap_axis(axis, b.rank(x), "axes");
  return axes;
}

const std::pair<const char*, const char*> kPlain[] = {{"ReduceSum", "sum"},
                                                      {"ReduceMean", "mean"},
                                                      {"ReduceMax", "max"},
                                                      {"ReduceMin", "min"},
                                                      {"ReduceProd", "prod"}};

Ids plain(const Call& call) {
  for (const auto& [theirs, ours] : kPlain)
    if (call.node().op_type() == theirs)
      return {call.builder().reduce(ours, call.input(0), axes_of(call), call.integer("keepdims", 1) != 0)};
  throw Error("no entry for {}", call.node().op_type());
}

// The function before and after the sum.
struct Around {
  const char *name, *before, *after;
};
const Around kAround[] = {{"ReduceL1", "abs", ""},
                          {"ReduceL2", "square", "sqrt"},
                          {"ReduceSumSquare", "square", ""},
                          {"ReduceLogSum", "", "log"}};

Ids around(const Call& call) {
  Builder& b = call.builder();
  for (const auto& [name, before, after] : kAround) {
    if (call.node().op_type() != name) continue;
    ValueId x = call.input(0);
    if (*before != 0) x = b.add(before, {x});
    x = b.reduce("sum", x, axes_of(call), call.integer("keepdims", 1) != 0);
    return {*after != 0 ? b.add(after, {x}) : x};
  }
  throw Error("no entry for {}", call.node().op_type());
}

Ids log_sum_exp(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const List axes = axes_of(call);
  const int64_t keep = call.integer("keepdims", 1) != 0;
  const ValueId high = b.reduce("max", x, axes, 1);
  const ValueId sum = b.reduce("sum", b.add("exp", {b.add("sub", {x, high})}), axes, keep);
  return {b.add("add", {b.add("log", {sum}), b.reshape(high, b.shape(sum))})};
}

Ids arg(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.input(0);
  const int64_t axis = call.axis("axis", 0, b.rank(x)), keep = call.integer("keepdims", 1) != 0;
  const std::string op = call.node().op_type() == "ArgMax" ? "argmax" : "argmin";
  if (call.integer("select_last_index", 0) == 0)
    return {b.add(op, {x}, {{"axis", axis}, {"keepdims", keep}})};
  const int64_t size = b.shape(x)[static_cast<size_t>(axis)];
  x = b.add("flip", {x}, {{"axes", List{axis}}});
  const ValueId from_end = b.add(op, {x}, {{"axis", axis}, {"keepdims", keep}});
  return {b.add("sub", {b.scalar(static_cast<double>(size - 1), DType::i64), from_end})};
}

Ids topk(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t axis = call.axis("axis", -1, b.rank(x));
  const int64_t k = call.has("k") ? call.integer("k", 0) : static_cast<int64_t>(call.constant_number(1));
  return b.add_all("topk", {x},
                   {{"axis", axis}, {"k", k}, {"largest", int64_t{call.integer("largest", 1) != 0}}});
}

// Before opset 13 all axes from `axis` on are one.
template <typename Function>
ValueId over_axis(const Call& call, Function function) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  if (call.opset() >= 13) return function(x, call.axis("axis", -1, b.rank(x)));
  const int64_t axis = call.axis("axis", 1, b.rank(x));
  const Shape shape = b.shape(x);
  const int64_t rows = c10::multiply_integers(shape.begin(), shape.begin() + axis);
  if (rows == 0) throw InputError("its input is {}", to_string(b.type(x)));
  return b.reshape(function(b.reshape(x, {rows, b.type(x).numel() / rows}), 1), shape);
}

Ids softmax(const Call& call) {
  const std::string op = call.node().op_type() == "Softmax" ? "softmax" : "log_softmax";
  return {over_axis(call, [&](ValueId x, int64_t axis) {
    return call.builder().add(op, {x}, {{"axis", axis}});
  })};
}

// 1 at the first maximum.
Ids hardmax(const Call& call) {
  Builder& b = call.builder();
  return {over_axis(call, [&](ValueId x, int64_t axis) {
    const ValueId where = b.add("argmax", {x}, {{"axis", axis}, {"keepdims", int64_t{1}}});
    Shape shape(b.shape(x).size(), 1);
    shape[static_cast<size_t>(axis)] = -1;
    const ValueId positions = b.constant(torch::arange(b.shape(x)[static_cast<size_t>(axis)]).reshape(shape));
    return b.cast(b.add("equal", {where, positions}), b.dtype(x));
  })};
}

Ids cumsum(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t axis = wrap_axis(static_cast<int64_t>(call.constant_number(1)), b.rank(x), "axis");
  const int64_t size = b.shape(x)[static_cast<size_t>(axis)];
  if (size > 4096) throw InputError("over {} elements", size);
  if (b.dtype(x) != DType::f32 && b.dtype(x) != DType::f64) throw InputError("of integers");
  torch::Tensor triangle =
      torch::ones({size, size}, torch::kFloat64).tril(call.integer("exclusive", 0) != 0 ? -1 : 0);
  if (call.integer("reverse", 0) != 0) triangle = triangle.t();
  return {b.along_axis(x, axis, triangle)};
}

}  // namespace

void add_reductions(Handlers& handlers) {
  for (const auto& [theirs, ours] : kPlain) handlers[theirs] = plain;
  for (const auto& entry : kAround) handlers[entry.name] = around;
  handlers["ReduceLogSumExp"] = log_sum_exp;
  handlers["ArgMax"] = handlers["ArgMin"] = arg;
  handlers["TopK"] = topk;
  handlers["Softmax"] = handlers["LogSoftmax"] = softmax;
  handlers["Hardmax"] = hardmax;
  handlers["CumSum"] = cumsum;
}

}  // namespace lathe::compile::onnx_import
