#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "lathe/compile/onnx/importer.h"
#include "lathe/compile/onnx/recurrent_cells.h"

namespace lathe::compile::onnx_import {
namespace {

// The blocks of H rows in another order: ONNX has i o f c and z r h, PyTorch i f g o and r z n.
ValueId reordered(Builder& b, ValueId x, const List& order) {
  const int64_t size = b.shape(x)[0] / static_cast<int64_t>(order.size());
  Ids blocks;
  for (const int64_t block : order) blocks.push_back(b.slice(x, 0, block * size, (block + 1) * size));
  return b.add("concat", blocks, {{"axis", int64_t{0}}});
}

struct Made {
  ValueId y;   // [T, N, H]
  Ids states;  // [N, H] each
};

Made by_kernel(const Call& call, const Layer& layer, int64_t reverse) {
  Builder& b = call.builder();
  const bool lstm = call.node().op_type() == "LSTM";
  const List order = lstm ? List{0, 2, 3, 1} : List{1, 0, 2};
  const auto arranged = [&](ValueId x) { return reordered(b, x, order); };
  Ids inputs = {layer.x, arranged(layer.w), arranged(layer.r)};
  if (lstm)
    inputs.push_back(b.add("add", {arranged(layer.w_bias), arranged(layer.r_bias)}));
  else
    inputs.insert(inputs.end(), {arranged(layer.w_bias), arranged(layer.r_bias)});
  inputs.insert(inputs.end(), layer.states.begin(), layer.states.end());
  const Ids made = b.add_all(lstm ? "lstm" : "gru", inputs, {{"reverse", reverse}});
  return {made[0], Ids(made.begin() + 1, made.end())};
}

Made by_steps(const Call& call, Layer layer, int64_t reverse, const List& lengths) {
  Builder& b = call.builder();
  const int64_t steps = b.shape(layer.x)[0], batch = b.shape(layer.x)[1];
  if (steps > 1024)
    throw InputError("takes {} steps in a form that the compiler must write out one by one", steps);
  const ValueId zero = b.scalar(0, b.dtype(layer.x));
  Ids outputs(static_cast<size_t>(steps));
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t t = reverse != 0 ? steps - 1 - i : i;
    Ids next = step(call, layer, b.select(layer.x, 0, t));
    ValueId y = next[0];
    if (!lengths.empty()) {
      torch::Tensor runs = torch::tensor(lengths).gt(t).reshape({batch, 1});
      const ValueId mask = b.constant(runs);
      for (size_t s = 0; s < next.size(); ++s) next[s] = b.add("where", {mask, next[s], layer.states[s]});
      y = b.add("where", {mask, y, zero});
    }
    layer.states = next;
    outputs[static_cast<size_t>(t)] = b.unsqueeze(y, 0);
  }
  return {steps == 1 ? outputs[0] : b.add("concat", outputs, {{"axis", int64_t{0}}}), layer.states};
}

// The lengths of the sequences where they are not all the same as the longest.
List lengths_of(const Call& call, int64_t steps, int64_t batch) {
  if (!call.has_input(4)) return {};
  const List lengths = call.constant_integers(4);
  if (static_cast<int64_t>(lengths.size()) != batch)
    throw InputError("has {} lengths for {} sequences", lengths.size(), batch);
  for (const int64_t length : lengths)
    if (length < 0 || length > steps) throw InputError("has a length of {}, with {} steps", length, steps);
  return std::all_of(lengths.begin(), lengths.end(), [&](int64_t n) { return n == steps; }) ? List()
                                                                                            : lengths;
}

Layer layer_of(const Call& call, ValueId x, int64_t d, int64_t hidden, int64_t gates, bool batch_first) {
  Builder& b = call.builder();
  const std::string& op = call.node().op_type();
  const int64_t batch = b.shape(x)[1];
  const auto of_direction = [&](size_t i) { return b.select(call.input(i), 0, d); };
  Layer layer;
  layer.x = x;
  layer.w = of_direction(1), layer.r = of_direction(2);
  if (b.shape(layer.w) != Shape{gates * hidden, b.shape(x)[2]} ||
      b.shape(layer.r) != Shape{gates * hidden, hidden})
    throw InputError("W is {} and R is {} with hidden_size {}", to_string(b.type(call.input(1))),
                     to_string(b.type(call.input(2))), hidden);
  const auto zeros = [&](Shape shape) { return b.constant(torch::zeros(shape, scalar_type(b.dtype(x)))); };
  if (call.has_input(3)) {
    const ValueId biases = of_direction(3);
    if (b.shape(biases) != Shape{2 * gates * hidden})
      throw InputError("B is {}", to_string(b.type(call.input(3))));
    layer.w_bias = b.slice(biases, 0, 0, gates * hidden),
    layer.r_bias = b.slice(biases, 0, gates * hidden, 2 * gates * hidden);
  } else {
    layer.w_bias = layer.r_bias = zeros({gates * hidden});
  }
  for (size_t i = 5; i < (op == "LSTM" ? 7 : 6); ++i)
    layer.states.push_back(call.has_input(i) ? b.select(call.input(i), batch_first ? 1 : 0, d)
                                             : zeros({batch, hidden}));
  if (op == "LSTM" && call.has_input(7)) layer.peepholes = of_direction(7);
  return layer;
}

Ids recurrent(const Call& call) {
  Builder& b = call.builder();
  const std::string& op = call.node().op_type();
  const int64_t gates = op == "LSTM" ? 4 : op == "GRU" ? 3 : 1, hidden = call.integer("hidden_size", 0);
  const std::string way = call.text("direction", "forward");
  const int64_t directions = way == "bidirectional" ? 2 : 1;
  const bool batch_first = call.integer("layout", 0) != 0;
  ValueId x = call.input(0);
  if (b.rank(x) != 3 || b.rank(call.input(1)) != 3 || b.rank(call.input(2)) != 3 ||
      b.shape(call.input(1))[0] != directions || hidden < 1)
    throw InputError("its inputs are {} and {} with {} directions", to_string(b.type(x)),
                     to_string(b.type(call.input(1))), directions);
  if (batch_first) x = b.transpose(x, {1, 0, 2});
  const List lengths = lengths_of(call, b.shape(x)[0], b.shape(x)[1]);

  Ids outputs;
  std::vector<Ids> last(op == "LSTM" ? 2 : 1);
  for (int64_t d = 0; d < directions; ++d) {
    const int64_t reverse = way == "reverse" || d == 1;
    Layer layer = layer_of(call, x, d, hidden, gates, batch_first);
    layer.activations = activations(call, d);
    if (!lengths.empty() && reverse != 0)
      throw InputError("goes backwards over sequences of different lengths");
    const Made made = lengths.empty() && has_kernel(call, layer) ? by_kernel(call, layer, reverse)
                                                                 : by_steps(call, layer, reverse, lengths);
    outputs.push_back(b.unsqueeze(made.y, 1));
    for (size_t i = 0; i < last.size(); ++i) last[i].push_back(b.unsqueeze(made.states[i], 0));
  }
  const auto joined = [&](const Ids& parts, int64_t axis) {
    return parts.size() == 1 ? parts[0] : b.add("concat", parts, {{"axis", axis}});
  };
  const ValueId y = joined(outputs, 1);
  Ids results = {batch_first ? b.transpose(y, {2, 0, 1, 3}) : y};
  for (const auto& states : last)
    results.push_back(batch_first ? b.transpose(joined(states, 0), {1, 0, 2}) : joined(states, 0));
  return results;
}

}  // namespace

void add_recurrent(Handlers& handlers) {
  handlers["LSTM"] = handlers["GRU"] = handlers["RNN"] = recurrent;
}

}  // namespace lathe::compile::onnx_import
