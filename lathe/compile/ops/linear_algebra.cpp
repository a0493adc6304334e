#include <torch/torch.h>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

Types linear_types(const Node& node, const Types& types) {
  want_float(node, types[0], "x");
  want_same_dtype(node, types);
  want_rank(node, types[0], "x", 1);
  const Shape &x = types[0].shape, &w = types[1].shape;
  if (w.size() != 2 || w[1] != x.back())
    refuse(node, "w is {} and x is {}; w must be [N, {}]", compile::to_string(types[1]),
           compile::to_string(types[0]), x.back());
  if (types.size() > 2) want_shape(node, types[2], "b", {w[0]});
  Shape out = x;
  out.back() = w[0];
  return {{types[0].dtype, out}};
}

Tensors linear(const Node&, const Tensors& inputs) {
  torch::Tensor result = at::matmul(inputs[0], inputs[1].t());
  if (inputs.size() > 2) result = result + inputs[2];
  return {result};
}

Types linear_integer_types(const Node& node, const Types& types) {
  want_bytes(node, types);
  const Types floats = {{DType::f32, types[0].shape}, {DType::f32, types[1].shape}};
  return {{DType::i32, linear_types(node, floats)[0].shape}};
}

Tensors linear_integer(const Node& node, const Tensors& inputs) {
  const torch::Tensor x = inputs[0].to(torch::kFloat64) - static_cast<double>(node.integer("zero_point"));
  return {at::matmul(x, inputs[1].to(torch::kFloat64).t()).to(torch::kInt32)};
}

Shape leading(const Shape& shape) {
  return {shape.begin(), shape.end() - 2};
}

Types matmul_types(const Node& node, const Types& types) {
  want_same_dtype(node, types);
  if (types[0].dtype == DType::boolean) refuse(node, "its inputs are bool, wants numbers");
  want_rank(node, types[0], "a", 2);
  want_rank(node, types[1], "b", 2);
  const Shape &a = types[0].shape, &b = types[1].shape;
  if (a.back() != b[b.size() - 2])
    refuse(node, "a is {} and b is {}; a's last axis must be as long as b's last but one",
           compile::to_string(types[0]), compile::to_string(types[1]));
  Shape out = broadcast(node, leading(a), leading(b));
  out.insert(out.end(), {a[a.size() - 2], b.back()});
  return {{types[0].dtype, out}};
}

Types attention_types(const Node& node, const Types& types) {
  static const char* const kNames[] = {"q", "k", "v", "mask"};
  want_same_dtype(node, types);
  node.number("scale");
  node.integer("causal");
  for (size_t i = 0; i < types.size(); ++i) want_float(node, types[i], kNames[i]);
  for (size_t i = 0; i < 3; ++i) want_rank(node, types[i], kNames[i], 2);
  const Shape &q = types[0].shape, &k = types[1].shape, &v = types[2].shape;
  if (q.back() != k.back() || k[k.size() - 2] != v[v.size() - 2])
    refuse(node, "q is {}, k is {}, v is {}; they must be […, L, D], […, S, D], […, S, E]",
           compile::to_string(types[0]), compile::to_string(types[1]), compile::to_string(types[2]));
  Shape logits = broadcast(node, leading(q), leading(k));
  Shape out = broadcast(node, logits, leading(v));
  logits.insert(logits.end(), {q[q.size() - 2], k[k.size() - 2]});
  out.insert(out.end(), {q[q.size() - 2], v.back()});
  if (types.size() > 3 && broadcast(node, logits, types[3].shape) != logits)
    refuse(node, "mask is {}, must broadcast to the logits' {}", compile::to_string(types[3]),
           to_string(logits));
  return {{types[0].dtype, out}};
}

Tensors attention(const Node& node, const Tensors& inputs) {
  torch::Tensor logits = at::matmul(inputs[0], inputs[1].transpose(-2, -1)) * node.number("scale");
  if (inputs.size() > 3) logits = logits + inputs[3];
  if (node.integer("causal") != 0) {
    const auto seen = torch::ones({logits.size(-2), logits.size(-1)}, torch::kBool).tril();
    logits = logits.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
  }
  return {at::matmul(logits.softmax(-1), inputs[2])};
}

}  // namespace

void add_linear_algebra_ops(Table& table) {
  add(table, {.name = "linear",
              .kind = OpClass::complex,
              .min_inputs = 2,
              .max_inputs = 3,
              .infer = linear_types,
              .evaluate = linear});
  add(table, {.name = "linear_integer",
              .kind = OpClass::complex,
              .min_inputs = 2,
              .max_inputs = 2,
              .infer = linear_integer_types,
              .evaluate = linear_integer});
  add(table, {.name = "matmul",
              .kind = OpClass::complex,
              .min_inputs = 2,
              .max_inputs = 2,
              .infer = matmul_types,
              .evaluate = [](const Node&, const Tensors& inputs) {
                return Tensors{at::matmul(inputs[0], inputs[1])};
              }});
  add(table, {.name = "attention",
              .kind = OpClass::complex,
              .min_inputs = 3,
              .max_inputs = 4,
              .infer = attention_types,
              .evaluate = attention});
}

}  // namespace lathe::compile::ops
