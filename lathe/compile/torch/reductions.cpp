#include <torch/torch.h>

#include <numeric>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

using Ids = std::vector<ValueId>;
using List = std::vector<int64_t>;

List all_axes(const Builder& b, ValueId x) {
  List axes(b.shape(x).size());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

List reduced_axes(const Call& call, ValueId x) {
  const Builder& b = call.builder();
  List axes = call.integers("dim");
  if (axes.empty()) return all_axes(b, x);
  for (int64_t& axis : axes) axis = wrap_axis(axis, std::max<int64_t>(b.rank(x), 1), call.name());
  return b.rank(x) == 0 ? List{} : axes;
}

ValueId with_dtype(const Call& call, ValueId x, bool integers_widen) {
  Builder& b = call.builder();
  if (call.has("dtype")) return b.cast(x, dtype_of(static_cast<torch::ScalarType>(call.integer("dtype"))));
  const DType dtype = b.dtype(x);
  return integers_widen && dtype != DType::f32 && dtype != DType::f64 ? b.cast(x, DType::i64) : x;
}

int64_t keep(const Call& call) {
  return call.flag("keepdim", false);
}

Ids sum(const Call& call) {
  const bool mean = call.name() == "aten::mean";
  const ValueId x = with_dtype(call, call.tensor("self"), !mean);
  return {call.builder().reduce(call.name().substr(6), x, reduced_axes(call, x), keep(call))};
}

// max and min over everything, over one axis (with positions), or of two tensors.
Ids extreme(const Call& call) {
  Builder& b = call.builder();
  const bool max = call.name() == "aten::max";
  const ValueId x = call.tensor("self");
  if (call.has("other")) {
    const auto [left, right] = promoted(call, "self", "other");
    return {b.add(max ? "maximum" : "minimum", {left, right})};
  }
  if (!call.has("dim")) return {b.reduce(max ? "max" : "min", x, all_axes(b, x), 0)};
  const int64_t axis = call.axis("dim", b.rank(x));
  const ValueId value = b.reduce(max ? "max" : "min", x, {axis}, keep(call));
  if (call.node().outputs().size() == 1) return {value};
  return {value, b.add(max ? "argmax" : "argmin", {x}, {{"axis", axis}, {"keepdims", keep(call)}})};
}

Ids amax(const Call& call) {
  const ValueId x = call.tensor("self");
  return {call.builder().reduce(call.name() == "aten::amax" ? "max" : "min", x, reduced_axes(call, x),
                                keep(call))};
}

Ids arg(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.tensor("self");
  int64_t axis = 0;
  if (call.has("dim"))
    axis = call.axis("dim", b.rank(x));
  else
    x = b.reshape(x, {b.type(x).numel()});
  return {b.add(call.name().substr(6), {x}, {{"axis", axis}, {"keepdims", keep(call)}})};
}

Ids topk(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  return b.add_all("topk", {x},
                   {{"axis", call.axis("dim", b.rank(x))},
                    {"k", call.integer("k")},
                    {"largest", int64_t{call.flag("largest", true)}}});
}

Ids sort(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const int64_t axis = call.axis("dim", b.rank(x));
  Ids made = b.add_all("topk", {x},
                       {{"axis", axis},
                        {"k", b.shape(x).at(static_cast<size_t>(axis))},
                        {"largest", int64_t{call.flag("descending", false)}}});
  if (call.node().outputs().size() == 1) return {made[1]};
  return made;
}

Ids softmax(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = to_float(b, with_dtype(call, call.tensor("self"), false));
  const std::string name = call.name().find("log") != std::string::npos ? "log_softmax" : "softmax";
  return {b.add(name, {x}, {{"axis", call.axis("dim", b.rank(x))}})};
}

ValueId variance_of(const Call& call, ValueId x, const List& axes) {
  Builder& b = call.builder();
  int64_t count = 1;
  for (const int64_t axis : axes) count *= b.shape(x)[static_cast<size_t>(axis)];
  const int64_t correction = call.has("correction")        ? call.integer("correction")
                             : call.flag("unbiased", true) ? 1
                                                           : 0;
  const ValueId centered = b.add("sub", {x, b.reduce("mean", x, axes, 1)});
  const ValueId variance = b.reduce("mean", b.add("square", {centered}), axes, keep(call));
  if (correction == 0) return variance;
  return b.with("mul", variance,
                static_cast<double>(count) / static_cast<double>(std::max<int64_t>(count - correction, 0)));
}

Ids variance(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const List axes = reduced_axes(call, x);
  ValueId result = variance_of(call, x, axes);
  const std::string name = call.name();
  if (name.find("std") != std::string::npos) result = b.add("sqrt", {result});
  if (call.node().outputs().size() == 2) return {result, b.reduce("mean", x, axes, keep(call))};
  return {result};
}

Ids norm(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const double p = call.number(call.name() == "aten::linalg_vector_norm" ? "ord" : "p", 2);
  const List axes = reduced_axes(call, x);
  if (p == 1) return {b.reduce("sum", b.add("abs", {x}), axes, keep(call))};
  if (p == 2) return {b.add("sqrt", {b.reduce("sum", b.add("square", {x}), axes, keep(call))})};
  if (p == std::numeric_limits<double>::infinity())
    return {b.reduce("max", b.add("abs", {x}), axes, keep(call))};
  throw InputError("has order {}", p);
}

Ids logsumexp(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("self");
  const List axes = reduced_axes(call, x);
  const ValueId high = b.reduce("max", x, axes, 1);
  const ValueId sum = b.add("log", {b.reduce("sum", b.add("exp", {b.add("sub", {x, high})}), axes, 1)});
  const ValueId result = b.add("add", {sum, high});
  if (keep(call) != 0) return {result};
  Shape shape;
  for (int64_t i = 0; i < b.rank(x); ++i)
    if (std::count(axes.begin(), axes.end(), i) == 0) shape.push_back(b.shape(x)[static_cast<size_t>(i)]);
  return {b.reshape(result, shape)};
}

// A product with a triangle of ones.
Ids cumsum(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = with_dtype(call, call.tensor("self"), true);
  if (b.rank(x) == 0) return {x};
  if (b.dtype(x) == DType::i64) throw InputError("of integers");
  const int64_t axis = call.axis("dim", b.rank(x)), size = b.shape(x)[static_cast<size_t>(axis)];
  if (size > 4096) throw InputError("over {} elements", size);
  return {b.along_axis(x, axis, torch::ones({size, size}).tril())};
}

}  // namespace

void add_reductions(Entries& entries) {
  for (const char* name : {"sum", "mean", "prod"}) entries[std::string("aten::") + name] = {sum};
  entries["aten::max"] = entries["aten::min"] = {extreme};
  entries["aten::amax"] = entries["aten::amin"] = {amax};
  entries["aten::argmax"] = entries["aten::argmin"] = {arg};
  entries["aten::topk"] = {topk};
  entries["aten::sort"] = entries["aten::argsort"] = {sort};
  for (const char* name : {"softmax", "log_softmax", "_softmax", "_log_softmax"})
    entries[std::string("aten::") + name] = {softmax};
  for (const char* name : {"var", "std", "var_mean", "std_mean"})
    entries[std::string("aten::") + name] = {variance};
  for (const char* name : {"norm", "linalg_vector_norm", "frobenius_norm"})
    entries[std::string("aten::") + name] = {norm};
  entries["aten::logsumexp"] = {logsumexp};
  entries["aten::cumsum"] = {cumsum};
}

}  // namespace lathe::compile::torchscript
