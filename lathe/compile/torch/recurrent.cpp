#include <torch/torch.h>

#include "lathe/compile/torch/interpreter.h"
#include "lathe/core/error.h"

namespace lathe::compile::torchscript {
namespace {

using Ids = std::vector<ValueId>;

struct Weights {
  ValueId w_ih, w_hh, b_ih, b_hh;
};

// One layer in one direction: y [T, N, H] and the last states [N, H].
Ids direction(const Call& call, ValueId x, const Weights& w, const Ids& states, int64_t reverse) {
  Builder& b = call.builder();
  if (call.name() == "aten::lstm")
    return b.add_all("lstm", {x, w.w_ih, w.w_hh, b.add("add", {w.b_ih, w.b_hh}), states[0], states[1]},
                     {{"reverse", reverse}});
  return b.add_all("gru", {x, w.w_ih, w.w_hh, w.b_ih, w.b_hh, states[0]}, {{"reverse", reverse}});
}

Ids recurrent(const Call& call) {
  Builder& b = call.builder();
  if (!call.has("input") || call.has("batch_sizes")) throw InputError("reads a packed sequence");
  if (call.flag("train", false) && call.number("dropout", 0) > 0)
    throw InputError("is in training mode; call eval() first");
  ValueId x = call.tensor("input");
  const bool lstm = call.name() == "aten::lstm", biases = call.flag("has_biases", true);
  const bool batch_first = call.flag("batch_first", false);
  const int64_t layers = call.integer("num_layers"), directions = call.flag("bidirectional", false) ? 2 : 1;
  const Ids parameters = call.tensors("params");
  const Ids initial = lstm ? call.tensors("hx") : Ids{call.tensor("hx")};
  if (b.rank(x) != 3) throw InputError("wants a batch of sequences, got {}", to_string(b.type(x)));
  if (parameters.size() != static_cast<size_t>(layers * directions * (biases ? 4 : 2)))
    throw InputError("projects its output");
  if (batch_first) x = b.transpose(x, {1, 0, 2});

  std::vector<Ids> last(initial.size());
  for (int64_t layer = 0; layer < layers; ++layer) {
    Ids outputs;
    for (int64_t d = 0; d < directions; ++d) {
      const int64_t index = layer * directions + d;
      const auto at = static_cast<size_t>(index) * (biases ? 4 : 2);
      Weights w{parameters[at], parameters[at + 1], -1, -1};
      const auto zeros = [&] {
        return b.constant(torch::zeros({b.shape(w.w_ih).at(0)}, scalar_type(b.dtype(w.w_ih))));
      };
      w.b_ih = biases ? parameters[at + 2] : zeros();
      w.b_hh = biases ? parameters[at + 3] : zeros();
      Ids states;
      for (const ValueId state : initial) states.push_back(b.select(state, 0, index));
      const Ids made = direction(call, x, w, states, d);
      outputs.push_back(made[0]);
      for (size_t i = 0; i < last.size(); ++i) last[i].push_back(b.unsqueeze(made[1 + i], 0));
    }
    x = outputs.size() == 1 ? outputs[0] : b.add("concat", outputs, {{"axis", int64_t{2}}});
  }
  Ids results = {batch_first ? b.transpose(x, {1, 0, 2}) : x};
  for (const auto& states : last)
    results.push_back(states.size() == 1 ? states[0] : b.add("concat", states, {{"axis", int64_t{0}}}));
  return results;
}

Ids halves(Builder& b, ValueId x, int64_t count) {
  const int64_t size = b.shape(x).back() / count;
  Ids parts;
  for (int64_t i = 0; i < count; ++i) parts.push_back(b.slice(x, b.rank(x) - 1, i * size, (i + 1) * size));
  return parts;
}

Ids cell_gates(const Call& call, ValueId x, const char* weight, const char* bias) {
  Ids inputs = {x, call.tensor(weight)};
  if (call.has(bias)) inputs.push_back(call.tensor(bias));
  return {call.builder().add("linear", inputs)};
}

Ids lstm_cell(const Call& call) {
  Builder& b = call.builder();
  const Ids states = call.tensors("hx");
  const ValueId sum = b.add("add", {cell_gates(call, call.tensor("input"), "w_ih", "b_ih")[0],
                                    cell_gates(call, states.at(0), "w_hh", "b_hh")[0]});
  const Ids g = halves(b, sum, 4);
  const ValueId kept = b.add("mul", {b.add("sigmoid", {g[1]}), states.at(1)});
  const ValueId c = b.add("add", {kept, b.add("mul", {b.add("sigmoid", {g[0]}), b.add("tanh", {g[2]})})});
  return {b.add("mul", {b.add("sigmoid", {g[3]}), b.add("tanh", {c})}), c};
}

Ids gru_cell(const Call& call) {
  Builder& b = call.builder();
  const ValueId h = call.tensor("hx");
  const Ids x = halves(b, cell_gates(call, call.tensor("input"), "w_ih", "b_ih")[0], 3);
  const Ids s = halves(b, cell_gates(call, h, "w_hh", "b_hh")[0], 3);
  const ValueId r = b.add("sigmoid", {b.add("add", {x[0], s[0]})}),
                z = b.add("sigmoid", {b.add("add", {x[1], s[1]})});
  const ValueId n = b.add("tanh", {b.add("add", {x[2], b.add("mul", {r, s[2]})})});
  return {b.add("add", {n, b.add("mul", {z, b.add("sub", {h, n})})})};
}

}  // namespace

void add_recurrent(Entries& entries) {
  entries["aten::lstm"] = entries["aten::gru"] = {recurrent};
  entries["aten::lstm_cell"] = {lstm_cell};
  entries["aten::gru_cell"] = {gru_cell};
}

}  // namespace lathe::compile::torchscript
