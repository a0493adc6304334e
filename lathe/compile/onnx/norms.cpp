#include <torch/torch.h>

#include <numeric>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

Ids batch_norm(const Call& call) {
  if (call.integer("training_mode", 0) != 0)
    throw InputError("is in training mode; export the model for inference");
  if (call.integer("spatial", 1) != 1) throw InputError("with spatial = 0");
  const double eps = call.number("epsilon", 1e-5);
  return {call.builder().add("batch_norm",
                             {call.input(0), call.input(1), call.input(2), call.input(3), call.input(4)},
                             {{"eps", eps}})};
}

Ids instance_norm(const Call& call) {
  return {call.builder().add("instance_norm", {call.input(0), call.input(1), call.input(2)},
                             {{"eps", call.number("epsilon", 1e-5)}})};
}

Ids layer_norm(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t axis = call.axis("axis", -1, b.rank(x)), count = b.rank(x) - axis;
  const Shape last(b.shape(x).begin() + axis, b.shape(x).end());
  const double eps = call.number("epsilon", 1e-5);
  Ids inputs = {x, b.broadcast(call.input(1), last)};
  if (call.has_input(2)) inputs.push_back(b.broadcast(call.input(2), last));
  Ids outputs = {b.add("layer_norm", inputs, {{"num_axes", count}, {"eps", eps}})};
  if (!call.wants_output(1) && !call.wants_output(2)) return outputs;
  List axes(static_cast<size_t>(count));
  std::iota(axes.begin(), axes.end(), axis);
  const ValueId mean = b.reduce("mean", x, axes, 1);
  const ValueId variance = b.reduce("mean", b.add("square", {b.add("sub", {x, mean})}), axes, 1);
  outputs.insert(outputs.end(), {mean, b.add("rsqrt", {b.with("add", variance, eps)})});
  return outputs;
}

Ids mean_variance(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  List axes = call.integers("axes", {0, 2, 3});
  for (int64_t& axis : axes) axis = wrap_axis(axis, b.rank(x), "axes");
  const ValueId centered = b.add("sub", {x, b.reduce("mean", x, axes, 1)});
  const ValueId deviation = b.add("sqrt", {b.reduce("mean", b.add("square", {centered}), axes, 1)});
  return {b.add("div", {centered, b.with("add", deviation, 1e-9)})};
}

// x / (bias + alpha · mean over `size` neighbouring channels of x²)^beta; the mean counts channels beyond the
// ends.
Ids local_response(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t size = call.integer("size", 1);
  if (b.rank(x) < 3 || size < 1)
    throw InputError("its input is {} and its size {}", to_string(b.type(x)), size);
  const Shape& s = b.shape(x);
  const ValueId squares = b.reshape(b.add("square", {x}), {s[0], 1, s[1], b.type(x).numel() / (s[0] * s[1])});
  const ValueId mean = b.add("avg_pool", {squares},
                             {{"kernel", List{size, 1}},
                              {"stride", List{1, 1}},
                              {"padding", List{(size - 1) / 2, 0, size - 1 - (size - 1) / 2, 0}},
                              {"count_include_pad", int64_t{1}}});
  const ValueId base =
      b.with("add", b.with("mul", b.reshape(mean, s), call.number("alpha", 1e-4)), call.number("bias", 1));
  return {b.add("div", {x, b.with("pow", base, call.number("beta", 0.75))})};
}

Ids lp_normalization(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.input(0);
  const int64_t axis = call.axis("axis", -1, b.rank(x));
  const ValueId norm = call.integer("p", 2) == 1
                           ? b.reduce("sum", b.add("abs", {x}), {axis}, 1)
                           : b.add("sqrt", {b.reduce("sum", b.add("square", {x}), {axis}, 1)});
  return {b.add("div", {x, norm})};
}

}  // namespace

void add_norms(Handlers& handlers) {
  handlers["BatchNormalization"] = batch_norm;
  handlers["InstanceNormalization"] = instance_norm;
  handlers["LayerNormalization"] = layer_norm;
  handlers["MeanVarianceNormalization"] = mean_variance;
  handlers["LRN"] = local_response;
  handlers["LpNormalization"] = lp_normalization;
}

}  // namespace lathe::compile::onnx_import
