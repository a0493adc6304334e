#include <torch/torch.h>

#include "lathe/compile/ops/table.h"

namespace lathe::compile::ops {
namespace {

// Checks x [T, N, I], w_ih [gates·H, I], w_hh [gates·H, H] and the biases after them; returns y's shape.
Shape want_layer(const Node& node, const Types& types, int64_t gates, size_t biases, size_t states) {
  want_float(node, types[0], "x");
  want_same_dtype(node, types);
  node.integer("reverse");
  if (types[0].shape.size() != 3) refuse(node, "x is {}, must be [T, N, I]", compile::to_string(types[0]));
  if (types[2].shape.size() != 2 || types[2].shape[0] != gates * types[2].shape[1])
    refuse(node, "w_hh is {}, must be [{}·H, H]", compile::to_string(types[2]), gates);
  const int64_t hidden = types[2].shape[1];
  want_shape(node, types[1], "w_ih", {gates * hidden, types[0].shape[2]});
  for (size_t i = 0; i < biases; ++i) want_shape(node, types[3 + i], "its bias", {gates * hidden});
  for (size_t i = 0; i < states; ++i)
    want_shape(node, types[3 + biases + i], i == 0 ? "h0" : "c0", {types[0].shape[1], hidden});
  return {types[0].shape[0], types[0].shape[1], hidden};
}

Types lstm_types(const Node& node, const Types& types) {
  const Shape y = want_layer(node, types, 4, 1, 2);
  const Type state{types[0].dtype, {y[1], y[2]}};
  return {{types[0].dtype, y}, state, state};
}

Types gru_types(const Node& node, const Types& types) {
  const Shape y = want_layer(node, types, 3, 2, 1);
  return {{types[0].dtype, y}, {types[0].dtype, {y[1], y[2]}}};
}

// Runs step(t) over the time axis in the direction asked for; returns the outputs in order of time.
template <typename Step>
torch::Tensor over_time(const Node& node, const torch::Tensor& x, int64_t hidden, Step step) {
  const int64_t steps = x.size(0);
  torch::Tensor y = torch::empty({steps, x.size(1), hidden}, x.options());
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t t = node.integer("reverse") != 0 ? steps - 1 - i : i;
    y[t].copy_(step(t));
  }
  return y;
}

Tensors lstm(const Node& node, const Tensors& in) {
  const torch::Tensor projected = at::matmul(in[0], in[1].t()) + in[3], w = in[2].t();
  torch::Tensor h = in[4], c = in[5];
  const torch::Tensor y = over_time(node, in[0], h.size(1), [&](int64_t t) {
    const auto gates = (projected[t] + at::matmul(h, w)).chunk(4, 1);
    c = gates[1].sigmoid() * c + gates[0].sigmoid() * gates[2].tanh();
    h = gates[3].sigmoid() * c.tanh();
    return h;
  });
  return {y, h, c};
}

Tensors gru(const Node& node, const Tensors& in) {
  const torch::Tensor projected = at::matmul(in[0], in[1].t()) + in[3], w = in[2].t();
  torch::Tensor h = in[5];
  const torch::Tensor y = over_time(node, in[0], h.size(1), [&](int64_t t) {
    const auto from_x = projected[t].chunk(3, 1), from_h = (at::matmul(h, w) + in[4]).chunk(3, 1);
    const torch::Tensor z = (from_x[1] + from_h[1]).sigmoid();
    const torch::Tensor n = (from_x[2] + (from_x[0] + from_h[0]).sigmoid() * from_h[2]).tanh();
    h = n + z * (h - n);
    return h;
  });
  return {y, h};
}

}  // namespace

void add_recurrent_ops(Table& table) {
  for (const bool is_lstm : {true, false})
    add(table, {.name = is_lstm ? "lstm" : "gru",
                .kind = OpClass::opaque,
                .min_inputs = 6,
                .max_inputs = 6,
                .infer = is_lstm ? lstm_types : gru_types,
                .evaluate = is_lstm ? lstm : gru});
}

}  // namespace lathe::compile::ops
