#include <algorithm>

#include "lathe/compile/codegen/fold.h"
#include "lathe/compile/codegen/windows.h"

namespace lathe::compile::codegen {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

std::vector<Implementation> pooling(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "pool";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i)
    scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
  const Value &from = job.graph.value(node.inputs[0]), &to = job.graph.value(node.outputs[0]);
  const Access input = scope.at(node.inputs[0]);
  const std::vector<Window> windows = pool_windows(node, from.type.shape, to.type.shape);
  const bool maximum = node.op == "max_pool" || node.op == "adaptive_max_pool";
  const Monoid m = monoid(maximum ? "max" : "sum");
  std::vector<Halide::Range> ranges;
  int taps = 1;
  for (size_t s = windows.size(); s-- > 0;) {
    ranges.emplace_back(0, windows[s].taps);
    taps *= windows[s].taps;
  }
  const bool from_blocked = from.layout.block > 1, to_blocked = to.layout.block > 1;
  const size_t rank = to_blocked || from_blocked ? 5 : to.type.shape.size();
  const Loops key = loops(rank);
  const RDom r(ranges);
  Func f("pool");
  Coordinates at = key.at;
  Expr inside = Halide::Internal::const_true(), count;
  for (size_t s = 0; s < windows.size(); ++s) {
    const Expr tap = r[static_cast<int>(windows.size() - 1 - s)], i = key.at[s + 2];
    const WindowTap t = windows[s].at(i, tap);
    at[s + 2] = t.position;
    if (t.inside.defined()) inside = inside && t.inside;
    const Expr divisor = windows[s].divisor(i);
    count = count.defined() ? count * divisor : divisor;
  }
  Expr x = input(at);
  if (!Halide::Internal::is_const_one(inside))
    x = Halide::select(Halide::likely(inside), x, m.identity(x.type()));
  f(key.vars) = m.identity(x.type());
  f(key.vars) = m.combine(f(key.vars), x);
  Func scaled("scaled");
  scaled(key.vars) = maximum ? Expr(f(key.vars)) : f(key.vars) / Halide::cast(x.type(), count);
  const int block = from.layout.block;
  scope.define(node.outputs[0], [=](const Coordinates& c) -> Expr {
    if (from_blocked && !to_blocked) return call(scaled, {c[0], c[1] / block, c[2], c[3], c[1] % block});
    return call(scaled, c);
  });
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = without_filling(job.graph.value(last), loop.at, scope.at(last)(loop.at));
  size_t inner = from_blocked && !to_blocked ? 2 : 0;
  if (inner >= output.dims.size()) inner = 0;
  const int lanes = builder.lanes();
  place(out, loop, output, {f}, {inner, inner}, lanes);
  if (output.dims[inner].extent >= lanes) {
    f.vectorize(f.args()[0], lanes, Halide::TailStrategy::GuardWithIf)
        .update()
        .vectorize(f.args()[0], lanes, Halide::TailStrategy::GuardWithIf);
  }
  if (taps <= 16)
    for (int d = 0; d < r.dimensions(); ++d) f.update().unroll(r[d]);
  Builder::Output options;
  options.split_dim = outer_dim(output);
  options.flops = numel_of(output) * (taps + flops_per_element(job.graph, job.group));
  builder.finish("pool\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

}  // namespace lathe::compile::codegen
