#include "lathe/compile/codegen/implementations.h"

namespace lathe::compile::codegen {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Tuple;
using Halide::Var;

namespace {

// x against y in the order that is asked for; of equal ones the first stays.
Expr beats(const Expr& x, const Expr& y, bool largest) {
  return largest ? x > y : x < y;
}

std::vector<Implementation> arg_extreme(const Job& job) {
  const Node& node = job.node();
  const bool largest = node.op == "argmax", keep = node.integer("keepdims") != 0;
  Implementation result;
  result.name = node.op;
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i)
    scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
  const Shape shape = job.graph.type(node.inputs[0]).shape;
  const long axis = static_cast<long>(node.integer("axis"));
  const Access input = scope.at(node.inputs[0]);
  const Loops key = loops(shape.size() - 1);
  const RDom r(0, static_cast<int>(shape[static_cast<size_t>(axis)]));
  const auto at = [&](const Expr& index) {
    Coordinates c = key.at;
    c.insert(c.begin() + axis, index);
    return input(c);
  };
  Func best("best");
  best(key.vars) = Tuple(Expr(0), at(0));
  const Expr x = at(r);
  const Expr better = beats(x, best(key.vars)[1], largest);
  best(key.vars) =
      Tuple(Halide::select(better, Expr(r), best(key.vars)[0]), Halide::select(better, x, best(key.vars)[1]));
  scope.define(node.outputs[0], [=](Coordinates c) -> Expr {
    if (keep) c.erase(c.begin() + axis);
    return Halide::cast<int64_t>(best(std::vector<Expr>(c.rbegin(), c.rend()))[0]);
  });
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  Coordinates c = loop.at;
  if (job.graph.type(last).shape.empty()) c.clear();
  out(loop.vars) = scope.at(last)(c);
  best.store_in(kOnStack).compute_at(out, loop.vars[0]);
  Builder::Output options;
  options.split_dim = outer_dim(output);
  options.flops = static_cast<double>(job.graph.type(node.inputs[0]).numel()) * 2;
  builder.finish(node.op + "\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

// The k-th is the best of those that come after the (k−1)-th in the order (value, then position).
std::vector<Implementation> top(const Job& job) {
  const Node& node = job.node();
  const bool largest = node.integer("largest") != 0;
  Implementation result;
  result.name = "topk";
  Builder builder(job.graph, job.target, job.cache, result);
  const Shape shape = job.graph.type(node.inputs[0]).shape;
  const size_t axis = static_cast<size_t>(node.integer("axis"));
  const int count = static_cast<int>(node.integer("k")), extent = static_cast<int>(shape[axis]);
  const Access input = builder.input(node.inputs[0]);
  const Loops key = loops(shape.size() - 1);
  const auto at = [&](const Expr& index) {
    Coordinates c = key.at;
    c.insert(c.begin() + static_cast<long>(axis), index);
    return input(c);
  };
  Var place("place");
  std::vector<Var> vars = {place};
  vars.insert(vars.end(), key.vars.begin(), key.vars.end());
  const auto row = [&](const Expr& p) {
    std::vector<Expr> c = {p};
    c.insert(c.end(), key.vars.begin(), key.vars.end());
    return c;
  };
  // The domain's slow coordinate is the place: places are filled one after another.
  const RDom r(0, extent, 0, count);
  Func best("best");
  best(vars) =
      Tuple(Expr(-1), Halide::Internal::make_zero(halide_type(job.graph.type(node.inputs[0]).dtype)));
  const Expr x = at(r.x), before = Halide::max(r.y - 1, 0);
  const Expr last_index = best(row(before))[0], last_value = best(row(before))[1];
  const Expr allowed = r.y == 0 || beats(last_value, x, largest) || (x == last_value && r.x > last_index);
  const Expr now_index = best(row(r.y))[0], now_value = best(row(r.y))[1];
  const Expr better = allowed && (now_index < 0 || beats(x, now_value, largest));
  best(row(r.y)) = Tuple(Halide::select(better, Expr(r.x), now_index), Halide::select(better, x, now_value));

  const Argument values = interior(job.graph, node.outputs[0]),
                 indices = interior(job.graph, node.outputs[1]);
  const Loops loop = loops(shape.size());
  Coordinates others = loop.at;
  others.erase(others.begin() + static_cast<long>(axis));
  std::vector<Expr> read = {loop.at[axis]};
  read.insert(read.end(), others.rbegin(), others.rend());
  Func out_values("values"), out_indices("indices");
  out_values(loop.vars) = best(read)[1];
  out_indices(loop.vars) = Halide::cast<int64_t>(best(read)[0]);
  // The chosen axis is innermost, so that a row is sorted once.
  const size_t dim = shape.size() - 1 - axis;
  Var one("one");
  std::vector<Halide::VarOrRVar> order = {loop.vars[dim]};
  for (size_t d = 0; d < shape.size(); ++d)
    if (d != dim) order.emplace_back(loop.vars[d]);
  best.store_in(kOnStack);
  if (shape.size() > 1) {
    const Var level = loop.vars[dim == 0 ? 1 : 0];
    out_values.reorder(order);
    out_indices.reorder(order).compute_with(out_values, level);
    best.compute_at(out_values, level);
  } else {
    best.compute_root();
  }
  Builder::Output options;
  options.flops = static_cast<double>(job.graph.type(node.inputs[0]).numel()) * 4 * count;
  builder.finish("topk\n" + signature(job.graph, job.group), {out_values, out_indices}, {values, indices},
                 options);
  return {result};
}

}  // namespace

std::vector<Implementation> arg_reduction(const Job& job) {
  return job.node().op == "topk" ? top(job) : arg_extreme(job);
}

}  // namespace lathe::compile::codegen
