#include <torch/torch.h>

#include <cmath>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

using Ids = std::vector<ValueId>;
using List = std::vector<int64_t>;

// "layer1.0.conv1" for a weight of the name "layer1.0.conv1.weight": a trace knows no modules.
void name_after_weight(Builder& b, ValueId weight) {
  const std::string& name = b.graph().value(weight).name;
  const size_t dot = name.rfind('.');
  if (dot != std::string::npos) b.source = name.substr(0, dot);
}

List twice(const List& padding) {
  List both = padding;
  both.insert(both.end(), padding.begin(), padding.end());
  return both;
}

// padding = "same": what is odd goes to the end.
List same_padding(const Builder& b, ValueId w, const List& dilation) {
  List padding(2 * dilation.size());
  for (size_t i = 0; i < dilation.size(); ++i) {
    const int64_t total = dilation[i] * (b.shape(w)[2 + i] - 1);
    padding[i] = total / 2, padding[dilation.size() + i] = total - total / 2;
  }
  return padding;
}

Ids convolve(const Call& call) {
  Builder& b = call.builder();
  ValueId x = call.tensor("input");
  const ValueId w = call.tensor("weight");
  name_after_weight(b, w);
  if (b.rank(w) < 3) throw InputError("its weight is {}", to_string(b.type(w)));
  const auto spatial = static_cast<size_t>(b.rank(w)) - 2;
  const bool single = b.rank(x) == b.rank(w) - 1;
  if (single) x = b.unsqueeze(x, 0);
  const std::string name = call.name();
  const bool transposed = name.find("transpose") != std::string::npos || call.flag("transposed", false);
  const List dilation = call.integers("dilation", spatial);
  List padding;
  if (call.has("padding") && call.variable("padding").known.isString())
    padding = call.text("padding", "") == "same" ? same_padding(b, w, dilation) : List(2 * spatial, 0);
  else
    padding = twice(call.integers("padding", spatial));
  std::map<std::string, Attribute> attributes = {{"stride", call.integers("stride", spatial)},
                                                 {"padding", padding},
                                                 {"dilation", dilation},
                                                 {"groups", call.integer("groups", 1)}};
  if (transposed) attributes["output_padding"] = call.integers("output_padding", spatial);
  Ids inputs = {x, w};
  if (call.has("bias")) inputs.push_back(call.tensor("bias"));
  const ValueId y = b.add(transposed ? "conv_transpose" : "conv", inputs, attributes);
  return {single ? b.select(y, 0, 0) : y};
}

Ids linear(const Call& call) {
  Builder& b = call.builder();
  Ids inputs = {call.tensor("input"), call.tensor("weight")};
  name_after_weight(b, inputs[1]);
  if (call.has("bias")) inputs.push_back(call.tensor("bias"));
  return {b.add("linear", inputs)};
}

// beta · self + alpha · a b; a linear layer where b is a weight's transpose.
Ids addmm(const Call& call) {
  Builder& b = call.builder();
  const bool batched = call.name() == "aten::baddbmm";
  const ValueId bias = call.tensor("self");
  const ValueId x = call.tensor(batched ? "batch1" : "mat1"), w = call.tensor(batched ? "batch2" : "mat2");
  const double alpha = call.number("alpha", 1), beta = call.number("beta", 1);
  name_after_weight(b, w);
  if (!batched && b.is_constant(w) && b.is_constant(bias) && b.rank(bias) == 1 && alpha == 1 && beta == 1)
    return {b.add("linear", {x, b.transpose(w, {1, 0}), bias})};
  ValueId product = b.add("matmul", {x, w});
  if (alpha != 1) product = b.with("mul", product, alpha);
  if (beta == 0) return {product};
  return {b.add("add", {product, beta == 1 ? bias : b.with("mul", bias, beta)})};
}

Ids matmul(const Call& call) {
  const std::string name = call.name();
  const char* second = call.name() == "aten::mv" ? "vec"
                       : name == "aten::dot"     ? "tensor"
                       : name == "aten::matmul"  ? "other"
                                                 : "mat2";
  Builder& b = call.builder();
  const ValueId x = call.tensor("self"), w = call.tensor(second);
  if (b.is_constant(w)) name_after_weight(b, w);
  return {b.matmul(x, w)};
}

Ids attention(const Call& call) {
  Builder& b = call.builder();
  const ValueId q = call.tensor("query"), k = call.tensor("key"), v = call.tensor("value");
  if (call.number("dropout_p", 0) != 0) throw InputError("drops weights out");
  const double scale = call.number("scale", 1 / std::sqrt(static_cast<double>(b.shape(q).back())));
  Ids inputs = {q, k, v};
  if (call.has("attn_mask")) {
    ValueId mask = call.tensor("attn_mask");
    if (b.dtype(mask) == DType::boolean)
      mask = b.add("where", {mask, b.scalar(0, b.dtype(q)),
                             b.scalar(-std::numeric_limits<double>::infinity(), b.dtype(q))});
    inputs.push_back(mask);
  }
  return {b.add("attention", inputs, {{"scale", scale}, {"causal", int64_t{call.flag("is_causal", false)}}})};
}

ValueId or_constant(const Call& call, const char* argument, int64_t channels, double value, DType dtype) {
  if (call.has(argument)) return call.tensor(argument);
  return call.builder().constant(torch::full({channels}, value, scalar_type(dtype)));
}

Ids batch_norm(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("input");
  if (call.flag("training", false)) throw InputError("is in training mode; call eval() first");
  if (b.rank(x) < 2) throw InputError("its input is {}", to_string(b.type(x)));
  const int64_t channels = b.shape(x)[1];
  const Ids inputs = {x, or_constant(call, "weight", channels, 1, b.dtype(x)),
                      or_constant(call, "bias", channels, 0, b.dtype(x)), call.tensor("running_mean"),
                      call.tensor("running_var")};
  name_after_weight(b, inputs[3]);
  return {b.add("batch_norm", inputs, {{"eps", call.number("eps")}})};
}

// gamma and beta, where there are any, after x.
Ids with_scales(const Call& call, ValueId x, Shape shape) {
  Ids inputs = {x};
  const bool scale = call.has("weight"), shift = call.has("bias");
  if (scale) name_after_weight(call.builder(), call.tensor("weight"));
  if (scale || shift)
    inputs.push_back(scale
                         ? call.tensor("weight")
                         : call.builder().constant(torch::ones(shape, scalar_type(call.builder().dtype(x)))));
  if (shift) inputs.push_back(call.tensor("bias"));
  return inputs;
}

Ids layer_norm(const Call& call) {
  const auto shape = call.integers("normalized_shape");
  const Ids inputs = with_scales(call, call.tensor("input"), shape);
  return {call.builder().add(
      "layer_norm", inputs,
      {{"num_axes", static_cast<int64_t>(shape.size())}, {"eps", call.number("eps", 1e-5)}})};
}

Ids group_norm(const Call& call) {
  const ValueId x = call.tensor("input");
  const Ids inputs = with_scales(call, x, {call.builder().shape(x).at(1)});
  return {call.builder().add("group_norm", inputs,
                             {{"groups", call.integer("num_groups")}, {"eps", call.number("eps", 1e-5)}})};
}

Ids instance_norm(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("input");
  const int64_t channels = b.shape(x).at(1);
  if (!call.flag("use_input_stats", true))
    return {b.add("batch_norm",
                  {x, or_constant(call, "weight", channels, 1, b.dtype(x)),
                   or_constant(call, "bias", channels, 0, b.dtype(x)), call.tensor("running_mean"),
                   call.tensor("running_var")},
                  {{"eps", call.number("eps")}})};
  return {b.add("instance_norm", with_scales(call, x, {channels}), {{"eps", call.number("eps", 1e-5)}})};
}

Ids cosine_similarity(const Call& call) {
  Builder& b = call.builder();
  const ValueId x = call.tensor("x1"), y = call.tensor("x2");
  const int64_t axis = call.axis("dim", b.rank(x));
  const auto norm = [&](ValueId v) {
    return b.add("clamp", {b.add("sqrt", {b.reduce("sum", b.add("square", {v}), {axis}, 0)})},
                 {{"min", call.number("eps", 1e-8)}, {"max", std::numeric_limits<double>::infinity()}});
  };
  return {b.add("div", {b.reduce("sum", b.add("mul", {x, y}), {axis}, 0), b.add("mul", {norm(x), norm(y)})})};
}

}  // namespace

void add_layers(Entries& entries) {
  for (const char* name : {"conv1d", "conv2d", "conv3d", "_convolution", "convolution", "conv_transpose1d",
                           "conv_transpose2d", "conv_transpose3d"})
    entries[std::string("aten::") + name] = {convolve};
  for (const char* name : {"matmul", "mm", "bmm", "mv", "dot"})
    entries[std::string("aten::") + name] = {matmul};
  entries["aten::linear"] = {linear};
  entries["aten::addmm"] = entries["aten::baddbmm"] = {addmm};
  entries["aten::scaled_dot_product_attention"] = {attention};
  entries["aten::batch_norm"] = {batch_norm};
  entries["aten::layer_norm"] = {layer_norm};
  entries["aten::group_norm"] = {group_norm};
  entries["aten::instance_norm"] = {instance_norm};
  entries["aten::cosine_similarity"] = {cosine_similarity};
}

}  // namespace lathe::compile::torchscript
