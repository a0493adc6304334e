#include <torch/torch.h>

#include <limits>

#include "lathe/compile/onnx/importer.h"

namespace lathe::compile::onnx_import {
namespace {

constexpr int64_t kMostIterations = 100000;

bool truth(Builder& b, ValueId id, const char* what) {
  if (!b.is_constant(id))
    throw InputError("{} depends on the inputs' values, which the compiler cannot follow", what);
  if (b.tensor(id).numel() != 1) throw InputError("{} is {}", what, to_string(b.type(id)));
  return b.tensor(id).to(torch::kBool).item<bool>();
}

Ids branch(const Call& call) {
  const bool yes = truth(call.builder(), call.input(0), "its condition");
  return call.importer().run_body(call.graph(yes ? "then_branch" : "else_branch"), {});
}

ValueId stacked(Builder& b, const Ids& parts, int64_t axis) {
  if (parts.empty()) throw InputError("collects outputs and never runs");
  Ids rows;
  for (const ValueId part : parts)
    rows.push_back(b.unsqueeze(part, wrap_axis(axis, b.rank(part) + 1, "an output's axis")));
  return rows.size() == 1
             ? rows[0]
             : b.add("concat", rows, {{"axis", wrap_axis(axis, b.rank(rows[0]), "an output's axis")}});
}

// Body: iteration, condition, state -> condition, state, outputs of this iteration.
Ids loop(const Call& call) {
  Builder& b = call.builder();
  const auto& body = call.graph("body");
  const int64_t most =
      call.has_input(0) ? static_cast<int64_t>(call.constant_number(0)) : std::numeric_limits<int64_t>::max();
  bool go = !call.has_input(1) || truth(b, call.input(1), "its condition");
  Ids state(call.inputs().begin() + static_cast<int64_t>(std::min<size_t>(2, call.num_inputs())),
            call.inputs().end());
  for (const ValueId id : state)
    if (id < 0) throw InputError("an input is missing");
  const int64_t collected = body.output_size() - 1 - static_cast<int64_t>(state.size());
  if (collected < 0) throw InputError("its body has too few outputs");
  std::vector<Ids> outputs(static_cast<size_t>(collected));
  for (int64_t i = 0; i < most && go; ++i) {
    if (i >= kMostIterations) throw InputError("runs more than {} times", kMostIterations);
    Ids inputs = {b.constant(torch::tensor(i, torch::kInt64)), b.constant(torch::tensor(true))};
    inputs.insert(inputs.end(), state.begin(), state.end());
    const Ids made = call.importer().run_body(body, inputs);
    go = truth(b, made[0], "its condition");
    state.assign(made.begin() + 1, made.begin() + 1 + static_cast<int64_t>(state.size()));
    for (size_t k = 0; k < outputs.size(); ++k) outputs[k].push_back(made[1 + state.size() + k]);
  }
  for (const auto& parts : outputs) state.push_back(stacked(b, parts, 0));
  return state;
}

// Body: state, slices of the scanned inputs -> state, slices of the outputs.
Ids scan(const Call& call) {
  Builder& b = call.builder();
  if (call.opset() < 9) throw InputError("as opset 8 has it");
  const auto& body = call.graph("body");
  const auto scanned = static_cast<size_t>(call.integer("num_scan_inputs", 0));
  if (scanned < 1 || scanned > call.num_inputs())
    throw InputError("scans {} of {} inputs", scanned, call.num_inputs());
  const size_t states = call.num_inputs() - scanned;
  Ids state;
  for (size_t i = 0; i < states; ++i) state.push_back(call.input(i));
  if (body.output_size() < static_cast<int>(states)) throw InputError("its body has too few outputs");
  const size_t collected = static_cast<size_t>(body.output_size()) - states;
  const List in_axes = call.integers("scan_input_axes", List(scanned, 0)),
             in_ways = call.integers("scan_input_directions", List(scanned, 0));
  const List out_axes = call.integers("scan_output_axes", List(collected, 0)),
             out_ways = call.integers("scan_output_directions", List(collected, 0));
  if (in_axes.size() != scanned || in_ways.size() != scanned || out_axes.size() != collected ||
      out_ways.size() != collected)
    throw InputError("its axes or directions have the wrong length");
  std::vector<Ids> outputs(collected);
  const auto axis_of = [&](size_t k) {
    return wrap_axis(in_axes[k], b.rank(call.input(states + k)), "an input's axis");
  };
  const int64_t steps = b.shape(call.input(states))[static_cast<size_t>(axis_of(0))];
  if (steps > kMostIterations) throw InputError("runs more than {} times", kMostIterations);
  for (int64_t i = 0; i < steps; ++i) {
    Ids inputs = state;
    for (size_t k = 0; k < scanned; ++k)
      inputs.push_back(b.select(call.input(states + k), axis_of(k), in_ways[k] != 0 ? steps - 1 - i : i));
    const Ids made = call.importer().run_body(body, inputs);
    state.assign(made.begin(), made.begin() + static_cast<int64_t>(states));
    for (size_t k = 0; k < collected; ++k)
      outputs[k].insert(out_ways[k] != 0 ? outputs[k].begin() : outputs[k].end(), made[states + k]);
  }
  for (size_t k = 0; k < collected; ++k) state.push_back(stacked(b, outputs[k], out_axes[k]));
  return state;
}

}  // namespace

void add_control(Handlers& handlers) {
  handlers["If"] = branch;
  handlers["Loop"] = loop;
  handlers["Scan"] = scan;
}

}  // namespace lathe::compile::onnx_import
