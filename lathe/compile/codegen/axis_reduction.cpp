#include <algorithm>

#include "lathe/compile/codegen/fold.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

std::vector<Implementation> axis_reduction(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "fold";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i)
    scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
  const Value &from = job.graph.value(node.inputs[0]), &to = job.graph.value(node.outputs[0]);
  const Access input = scope.at(node.inputs[0]);
  const auto& axes = node.integers("axes");
  const bool keep = node.integer("keepdims") != 0;
  const int block = from.layout.block;
  Shape box;
  int64_t count = 1;
  for (int64_t axis : axes) {
    box.push_back(from.type.shape[static_cast<size_t>(axis)]);
    count *= box.back();
  }
  std::vector<size_t> kept;
  for (size_t i = 0; i < from.type.shape.size(); ++i)
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) == axes.end()) kept.push_back(i);
  if (block > 1 && (box.size() != 2 || axes[0] != 2 || axes[1] != 3))
    throw Error("a blocked value is reduced over y and x only");

  // Keys: kept axes of the dense shape; of a blocked value n, block, lane.
  const size_t key_rank = block > 1 ? 3 : kept.size();
  const Term term = [&](const Coordinates& key, const Coordinates& r) {
    if (block > 1) return input({key[0], key[1], r[0], r[1], key[2]});
    Coordinates at(from.type.shape.size());
    for (size_t i = 0; i < kept.size(); ++i) at[kept[i]] = key[i];
    for (size_t i = 0; i < axes.size(); ++i) at[static_cast<size_t>(axes[i])] = r[i];
    return input(at);
  };
  const bool last_reduced =
      block <= 1 && !axes.empty() && axes.back() + 1 == static_cast<int64_t>(from.type.shape.size());
  Folded folded = fold(node.op, key_rank, box, last_reduced, builder.lanes(), term);
  const Func f = folded.result;
  const bool mean = node.op == "mean";
  const double factor = 1.0 / static_cast<double>(count);
  const bool to_blocked = to.layout.block > 1;
  scope.define(node.outputs[0], [=](const Coordinates& at) {
    Coordinates key;
    if (block > 1 && to_blocked) {
      key = {at[0], at[1], at[4]};
    } else if (block > 1) {
      key = {at[0], at[1] / block, at[1] % block};
    } else if (keep) {
      for (size_t i : kept) key.push_back(at[i]);
    } else {
      key = at;
      key.resize(kept.size());
    }
    const Expr value = call(f, key);
    return mean ? value * Halide::Internal::make_const(value.type(), factor) : value;
  });
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = without_filling(job.graph.value(last), loop.at, scope.at(last)(loop.at));
  // The innermost dimension of more than one element takes the lanes, unless these run along the reduced
  // axis.
  size_t inner = 0;
  while (inner + 1 < output.dims.size() && output.dims[inner].extent == 1) ++inner;
  place(out, loop, output, folded.stages, {last_reduced ? output.dims.size() : inner, inner},
        builder.lanes());
  if (!last_reduced && output.dims[inner].extent >= builder.lanes())
    for (Func& stage : folded.stages) {
      // Keys of the tile: dense kept axes end with the lanes' axis; blocked ones with the lane.
      stage.vectorize(stage.args()[0], builder.lanes(), Halide::TailStrategy::GuardWithIf)
          .update()
          .vectorize(stage.args()[0], builder.lanes(), Halide::TailStrategy::GuardWithIf);
    }
  Builder::Output options;
  options.split_dim = outer_dim(output);
  options.flops =
      static_cast<double>(from.type.numel()) + numel_of(output) * flops_per_element(job.graph, job.group);
  builder.finish("fold\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

}  // namespace lathe::compile::codegen
