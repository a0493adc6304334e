// Recurrent layers: the inputs' share of all gates in one matrix product, then one kernel a time step, all
// steps with the same code.
#include <fmt/format.h>

#include "lathe/compile/codegen/expressions.h"
#include "lathe/compile/codegen/implementations.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

struct Sizes {
  int64_t steps, batch, inputs, hidden, gates;
};

// [gates·H, K] as [⌈H/lanes⌉, K, gates, lanes].
torch::Tensor pack(const torch::Tensor& weight, const Sizes& s, int64_t lanes) {
  const int64_t depth = weight.size(1), blocks = (s.hidden + lanes - 1) / lanes;
  torch::Tensor padded = torch::zeros({s.gates, blocks * lanes, depth});
  padded.slice(1, 0, s.hidden).copy_(weight.view({s.gates, s.hidden, depth}));
  return padded.view({s.gates, blocks, lanes, depth}).permute({1, 3, 0, 2}).contiguous();
}

// x [T·N, I] · w_ihᵀ + b as [T·N, gates, H].
void project(const Job& job, Implementation& result, const Sizes& s, const Argument& projected,
             const torch::Tensor& bias) {
  const Node& node = job.node();
  Builder builder(job.graph, job.target, job.cache, result);
  const int lanes = builder.lanes(), width = 2 * lanes, rows = static_cast<int>(s.steps * s.batch);
  const int64_t columns = s.gates * s.hidden, panels = (columns + width - 1) / width;
  const Access x = builder.view(dense(Argument::Place::value, node.inputs[0], DType::f32, {rows, s.inputs}));
  torch::Tensor padded = torch::zeros({panels * width, s.inputs});
  padded.slice(0, 0, columns).copy_(job.graph.value(node.inputs[1]).constant);
  const Access w = builder.parameter(padded.view({panels, width, s.inputs}).transpose(1, 2).contiguous());
  torch::Tensor padded_bias = torch::zeros({panels, width});
  padded_bias.view({-1}).slice(0, 0, columns).copy_(bias);
  const Access b = builder.parameter(padded_bias);
  Var i("i"), m("m"), p("p"), j("j"), jo("jo"), ji("ji"), mo("mo"), mi("mi");
  const RDom k(0, static_cast<int>(s.inputs));
  Func acc("acc"), out("out");
  acc(i, m, p) = b({p, i});
  acc(i, m, p) += x({m, k}) * w({p, k, i});
  out(j, m) = acc(j % width, m, j / width);
  const int tall = std::min(rows, 5);
  out.split(j, jo, ji, width,
            columns % width == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::GuardWithIf)
      .split(m, mo, mi, tall,
             rows % tall == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards)
      .reorder(ji, mi, mo, jo)
      .unroll(mi)
      .vectorize(ji, lanes)
      .unroll(ji);
  acc.store_in(kOnStack).compute_at(out, mo).bound_extent(i, width).bound_extent(p, 1);
  acc.vectorize(i, lanes).unroll(i).unroll(m).update().reorder(i, m, k).vectorize(i, lanes).unroll(i).unroll(
      m);
  Argument output = projected;
  output.dims = {{0, static_cast<int>(columns), 1}, {0, rows, static_cast<int>(columns)}};
  Builder::Output options;
  options.flops = 2.0 * rows * static_cast<double>(columns * s.inputs);
  options.split_dim = 0;
  options.granule = width;
  builder.finish("recurrent projection", {out}, {output}, options);
}

Argument at_step(Argument::Place place, int index, int64_t step, int64_t rows, int64_t width) {
  Argument argument = dense(place, index, DType::f32, {rows, width});
  argument.offset = step * rows * width;
  return argument;
}

Expr sigmoid(const Expr& x) {
  return 1.0f / (1.0f + Halide::exp(-x));
}
Expr hyperbolic_tangent(const Expr& x) {
  Node node;
  node.op = "tanh";
  return elementwise(node, {x}, DType::f32);
}

// One time step: every gate's products with the last hidden state for `lanes` hidden units at a time.
struct Cell {
  Builder builder;
  Var i{"i"}, n{"n"}, g{"g"}, block{"block"}, hidden{"hidden"};
  Func acc{"acc"};
  int lanes;
  Cell(const Job& job, Implementation& result)
      : builder(job.graph, job.target, job.cache, result), lanes(builder.lanes()) {}

  // Gate g of the recurrent part.
  void products(const Access& h, const torch::Tensor& weight, const torch::Tensor& bias, const Sizes& s) {
    const Access w = builder.parameter(pack(weight, s, lanes));
    const int64_t blocks = (s.hidden + lanes - 1) / lanes;
    torch::Tensor padded = torch::zeros({s.gates, blocks * lanes});
    padded.slice(1, 0, s.hidden).copy_(bias.view({s.gates, s.hidden}));
    const Access b = builder.parameter(padded.view({s.gates, blocks, lanes}));
    const RDom k(0, static_cast<int>(s.hidden));
    acc(i, g, n, block) = b({g, block, i});
    acc(i, g, n, block) += h({n, k}) * w({block, k, g, i});
    acc.store_in(kOnStack).bound_extent(i, lanes).bound_extent(block, 1).bound_extent(
        g, static_cast<int>(s.gates));
    acc.vectorize(i).unroll(g).update().reorder(i, g, k, n).vectorize(i).unroll(g);
    if (s.hidden % 2 == 0) acc.update().unroll(k, 2);
  }
  Expr gate(int index) { return acc(hidden % lanes, index, n, hidden / lanes); }

  void schedule(std::vector<Func>& outputs, const Sizes& s) {
    Var outer("outer"), inner("inner");
    const auto tail =
        s.hidden % lanes == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::GuardWithIf;
    for (Func& f : outputs) f.split(hidden, outer, inner, lanes, tail).reorder(inner, n, outer);
    if (s.hidden >= lanes || s.hidden % lanes == 0)
      for (Func& f : outputs) f.vectorize(inner);
    for (size_t o = 1; o < outputs.size(); ++o) outputs[o].compute_with(outputs[0], n);
    acc.compute_at(outputs[0], n);
  }
};

torch::Tensor constant_of(const Job& job, size_t input) {
  return job.graph.value(job.node().inputs[input]).constant;
}

// Copies the last step's state to an output of its own.
void copy(const Job& job, Implementation& result, const Argument& from, const Argument& to, const Sizes& s) {
  Builder builder(job.graph, job.target, job.cache, result);
  const Access x = builder.view(from);
  Var i("i"), n("n");
  Func out("out");
  out(i, n) = x({n, i});
  if (s.hidden >= builder.lanes()) out.vectorize(i, builder.lanes(), Halide::TailStrategy::ShiftInwards);
  builder.finish("copy", {out}, {to}, {});
}

}  // namespace

std::vector<Implementation> recurrence(const Job& job) {
  const Node& node = job.node();
  const bool lstm = node.op == "lstm";
  const Shape& x = job.graph.type(node.inputs[0]).shape;
  const Sizes s{x[0], x[1], x[2], constant_of(job, 2).size(1), lstm ? 4 : 3};
  const bool reverse = node.integer("reverse", 0) != 0;
  const size_t state_input = lstm ? 4 : 5;
  Implementation result;
  result.name = "steps";
  const Argument projected =
      dense(Argument::Place::scratch,
            static_cast<int>(add_scratch(result, 4 * s.steps * s.batch * s.gates * s.hidden)), DType::f32,
            {s.steps * s.batch, s.gates, s.hidden});
  project(job, result, s, projected, constant_of(job, 3));

  // States of the cell alternate between two blocks.
  const int64_t state = s.batch * s.hidden;
  int cells[2] = {0, 0};
  if (lstm)
    for (int& cell : cells) cell = static_cast<int>(add_scratch(result, 4 * state));
  const auto initial = [&](size_t input) -> Argument {
    const ValueId id = node.inputs[input];
    if (!job.graph.value(id).is_constant())
      return dense(Argument::Place::value, id, DType::f32, {s.batch, s.hidden});
    result.parameters.push_back(job.graph.value(id).constant.expand({s.batch, s.hidden}).contiguous());
    return dense(Argument::Place::parameter, static_cast<int>(result.parameters.size()) - 1, DType::f32,
                 {s.batch, s.hidden});
  };
  const Argument h0 = initial(state_input), c0 = lstm ? initial(5) : Argument();
  for (int64_t step = 0; step < s.steps; ++step) {
    const int64_t now = reverse ? s.steps - 1 - step : step, before = reverse ? now + 1 : now - 1;
    const Argument y = at_step(Argument::Place::value, node.outputs[0], now, s.batch, s.hidden);
    Argument gates = projected;
    gates.offset = now * s.batch * s.gates * s.hidden;
    gates.dims.back().extent = static_cast<int>(s.batch);
    Cell cell(job, result);
    const Access h = cell.builder.view(
        step == 0 ? h0 : at_step(Argument::Place::value, node.outputs[0], before, s.batch, s.hidden));
    const Access p = cell.builder.view(gates);
    const auto projection = [&](int gate) { return p({cell.n, gate, cell.hidden}); };
    Builder::Output options;
    options.split_dim = 0;
    options.granule = cell.lanes;
    options.flops = 2.0 * static_cast<double>(s.batch * s.gates * s.hidden * s.hidden);
    if (lstm) {
      const Access c = cell.builder.view(step == 0 ? c0
                                                   : dense(Argument::Place::scratch, cells[(step + 1) % 2],
                                                           DType::f32, {s.batch, s.hidden}));
      cell.products(h, constant_of(job, 2), torch::zeros({s.gates * s.hidden}), s);
      Func c_next("c"), h_next("h");
      const Expr state =
          sigmoid(cell.gate(1) + projection(1)) * c({cell.n, cell.hidden}) +
          sigmoid(cell.gate(0) + projection(0)) * hyperbolic_tangent(cell.gate(2) + projection(2));
      c_next(cell.hidden, cell.n) = state;
      h_next(cell.hidden, cell.n) = sigmoid(cell.gate(3) + projection(3)) * hyperbolic_tangent(state);
      std::vector<Func> outputs = {c_next, h_next};
      cell.schedule(outputs, s);
      cell.builder.finish(
          "lstm cell", outputs,
          {dense(Argument::Place::scratch, cells[step % 2], DType::f32, {s.batch, s.hidden}), y}, options);
    } else {
      cell.products(h, constant_of(job, 2), constant_of(job, 4), s);
      Func h_next("h");
      const Expr r = sigmoid(cell.gate(0) + projection(0)), z = sigmoid(cell.gate(1) + projection(1));
      const Expr candidate = hyperbolic_tangent(projection(2) + r * cell.gate(2));
      h_next(cell.hidden, cell.n) = (1.0f - z) * candidate + z * h({cell.n, cell.hidden});
      std::vector<Func> outputs = {h_next};
      cell.schedule(outputs, s);
      cell.builder.finish("gru cell", outputs, {y}, options);
    }
  }
  const int64_t final_step = reverse ? 0 : s.steps - 1;
  copy(job, result, at_step(Argument::Place::value, node.outputs[0], final_step, s.batch, s.hidden),
       dense(Argument::Place::value, node.outputs[1], DType::f32, {s.batch, s.hidden}), s);
  if (lstm)
    copy(job, result,
         dense(Argument::Place::scratch, cells[(s.steps - 1) % 2], DType::f32, {s.batch, s.hidden}),
         dense(Argument::Place::value, node.outputs[2], DType::f32, {s.batch, s.hidden}), s);
  return {result};
}

}  // namespace lathe::compile::codegen
