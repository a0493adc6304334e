#include "lathe/compile/onnx/recurrent_cells.h"

#include <torch/torch.h>

namespace lathe::compile::onnx_import {
namespace {

std::vector<std::string> defaults(const std::string& op) {
  if (op == "LSTM") return {"Sigmoid", "Tanh", "Tanh"};
  return op == "GRU" ? std::vector<std::string>{"Sigmoid", "Tanh"} : std::vector<std::string>{"Tanh"};
}

ValueId activated(Builder& b, const std::string& name, ValueId x) {
  static const std::map<std::string, std::string> kOurs = {{"Sigmoid", "sigmoid"},
                                                           {"Tanh", "tanh"},
                                                           {"Relu", "relu"},
                                                           {"Softsign", "softsign"},
                                                           {"Softplus", "softplus"}};
  const auto found = kOurs.find(name);
  if (found == kOurs.end()) throw InputError("its activation is '{}'", name);
  return b.add(found->second, {x});
}

ValueId clipped(const Call& call, ValueId x) {
  if (!call.has("clip")) return x;
  const double bound = call.number("clip", 0);
  return call.builder().add("clamp", {x}, {{"min", -bound}, {"max", bound}});
}

Ids blocks(Builder& b, ValueId x, int64_t count) {
  const int64_t last = b.rank(x) - 1, size = b.shape(x).back() / count;
  Ids parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(b.slice(x, last, i * size, (i + 1) * size));
  return parts;
}

// Gates i o f c.
Ids lstm_step(const Call& call, const Layer& layer, ValueId x) {
  Builder& b = call.builder();
  const ValueId h = layer.states[0], c = layer.states[1];
  Ids g = blocks(b,
                 b.add("add", {b.add("linear", {x, layer.w, layer.w_bias}),
                               b.add("linear", {h, layer.r, layer.r_bias})}),
                 4);
  Ids p;
  if (layer.peepholes >= 0) p = blocks(b, layer.peepholes, 3);
  const auto peeped = [&](size_t gate, size_t peephole, ValueId cell) {
    return p.empty() ? g[gate] : b.add("add", {g[gate], b.add("mul", {p[peephole], cell})});
  };
  const std::string &f = layer.activations[0], &act = layer.activations[1], &out = layer.activations[2];
  const ValueId i = activated(b, f, clipped(call, peeped(0, 0, c)));
  const ValueId kept = call.integer("input_forget", 0) != 0 ? b.add("sub", {b.scalar(1, b.dtype(x)), i})
                                                            : activated(b, f, clipped(call, peeped(2, 2, c)));
  const ValueId next =
      b.add("add", {b.add("mul", {kept, c}), b.add("mul", {i, activated(b, act, clipped(call, g[3]))})});
  const ValueId o = activated(b, f, clipped(call, peeped(1, 1, next)));
  return {b.add("mul", {o, activated(b, out, next)}), next};
}

// Gates z r h.
Ids gru_step(const Call& call, const Layer& layer, ValueId x) {
  Builder& b = call.builder();
  const ValueId h = layer.states[0];
  const Ids from_x = blocks(b, b.add("linear", {x, layer.w, layer.w_bias}), 3);
  const Ids from_h = blocks(b, b.add("linear", {h, layer.r, layer.r_bias}), 3);
  const std::string &f = layer.activations[0], &act = layer.activations[1];
  const ValueId z = activated(b, f, clipped(call, b.add("add", {from_x[0], from_h[0]})));
  const ValueId r = activated(b, f, clipped(call, b.add("add", {from_x[1], from_h[1]})));
  ValueId hidden = b.add("mul", {r, from_h[2]});
  if (call.integer("linear_before_reset", 0) == 0) {
    const int64_t size = b.shape(layer.r)[1];
    hidden = b.add("linear", {b.add("mul", {r, h}), b.slice(layer.r, 0, 2 * size, 3 * size),
                              b.slice(layer.r_bias, 0, 2 * size, 3 * size)});
  }
  const ValueId n = activated(b, act, clipped(call, b.add("add", {from_x[2], hidden})));
  return {b.add("add", {n, b.add("mul", {z, b.add("sub", {h, n})})})};
}

Ids rnn_step(const Call& call, const Layer& layer, ValueId x) {
  Builder& b = call.builder();
  const ValueId sum = b.add("add", {b.add("linear", {x, layer.w, layer.w_bias}),
                                    b.add("linear", {layer.states[0], layer.r, layer.r_bias})});
  return {activated(b, layer.activations[0], clipped(call, sum))};
}

}  // namespace

std::vector<std::string> activations(const Call& call, int64_t direction) {
  const auto standard = defaults(call.node().op_type());
  const auto given = call.texts("activations");
  if (given.empty()) return standard;
  const size_t from = static_cast<size_t>(direction) * standard.size();
  if (given.size() < from + standard.size()) throw InputError("has {} activations", given.size());
  return {given.begin() + static_cast<int64_t>(from),
          given.begin() + static_cast<int64_t>(from + standard.size())};
}

bool has_kernel(const Call& call, const Layer& layer) {
  const std::string& op = call.node().op_type();
  if (op == "RNN" || call.has("clip") || layer.activations != defaults(op)) return false;
  if (op == "GRU") return call.integer("linear_before_reset", 0) != 0;
  return layer.peepholes < 0 && call.integer("input_forget", 0) == 0;
}

Ids step(const Call& call, const Layer& layer, ValueId x) {
  const std::string& op = call.node().op_type();
  return op == "LSTM"  ? lstm_step(call, layer, x)
         : op == "GRU" ? gru_step(call, layer, x)
                       : rnn_step(call, layer, x);
}

}  // namespace lathe::compile::onnx_import
