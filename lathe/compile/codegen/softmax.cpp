#include <algorithm>

#include <functional>
#include "lathe/compile/codegen/fold.h"

namespace lathe::compile::codegen {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

std::vector<Implementation> softmax(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "softmax";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i)
    scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
  const Shape shape = job.graph.type(node.inputs[0]).shape;
  const size_t axis = static_cast<size_t>(node.integer("axis"));
  const bool is_last = axis + 1 == shape.size(), logarithm = node.op == "log_softmax";
  const int lanes = builder.lanes();
  const Access input = scope.at(node.inputs[0]);
  const auto with_axis = [axis](Coordinates key, const Expr& i) {
    key.insert(key.begin() + static_cast<long>(axis), i);
    return key;
  };
  std::vector<Func> stages;
  // A row is kept when its elements cost arithmetic or are read three times from far away; rows beyond the
  // stack's share are read again.
  const Loops all = loops(shape.size());
  Access row = input;
  Func copy("row"), power("power");
  const bool kept = is_last && shape[axis] <= 32768;
  if (kept) {
    copy(all.vars) = input(all.at);
    stages.push_back(copy);
    row = [copy](const Coordinates& at) { return call(copy, at); };
  }
  Folded largest =
      fold("max", shape.size() - 1, {shape[axis]}, is_last, lanes,
           [&](const Coordinates& key, const Coordinates& r) { return row(with_axis(key, r[0])); });
  const auto key_of = [axis](Coordinates at) {
    at.erase(at.begin() + static_cast<long>(axis));
    return at;
  };
  const Func top = largest.result;
  power(all.vars) = Halide::exp(row(all.at) - call(top, key_of(all.at)));
  Folded total =
      fold("sum", shape.size() - 1, {shape[axis]}, is_last, lanes,
           [&](const Coordinates& key, const Coordinates& r) { return call(power, with_axis(key, r[0])); });
  stages.insert(stages.end(), largest.stages.begin(), largest.stages.end());
  if (kept && !logarithm) stages.push_back(power);
  stages.insert(stages.end(), total.stages.begin(), total.stages.end());
  const Func sum = total.result;
  scope.define(node.outputs[0], [=](const Coordinates& at) {
    const Coordinates key = key_of(at);
    if (logarithm) return row(at) - call(top, key) - Halide::log(call(sum, key));
    return call(power, at) / call(sum, key);
  });
  const ValueId last = lower_rest(scope, job.group);
  Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = without_filling(job.graph.value(last), loop.at, scope.at(last)(loop.at));
  const size_t dim = shape.size() - 1 - axis;  // the axis among the output's dimensions
  if (is_last) {
    place(out, loop, output, stages, {0, output.dims.size() > 1 ? size_t{1} : output.dims.size()}, lanes);
    for (Func& stage : {std::ref(copy), std::ref(power)})
      if (stage.defined() && kept && shape[axis] >= lanes && (!logarithm || &stage == &copy))
        stage.vectorize(
            all.vars[0], lanes,
            shape[axis] % lanes == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
  } else {
    // Lanes run along the innermost axis; the softmax axis is the loop just outside of them.
    Var inner("inner"), outer("outer");
    const bool wide = output.dims[0].extent >= lanes;
    std::vector<Halide::VarOrRVar> order;
    if (wide) {
      out.split(loop.vars[0], outer, inner, lanes,
                output.dims[0].extent % lanes == 0 ? Halide::TailStrategy::RoundUp
                                                   : Halide::TailStrategy::ShiftInwards);
      order = {inner, loop.vars[dim], outer};
    } else {
      order = {loop.vars[dim], loop.vars[0]};
    }
    for (size_t d = 1; d < loop.vars.size(); ++d)
      if (d != dim) order.emplace_back(loop.vars[d]);
    out.reorder(order);
    if (wide) out.vectorize(inner);
    for (Func& stage : stages) {
      stage.store_in(kOnStack);
      stage.compute_at(out, wide ? outer : loop.vars[0]);
      if (wide) stage.vectorize(stage.args()[0], lanes).update().vectorize(stage.args()[0], lanes);
    }
  }
  Builder::Output options;
  const int cut = outer_dim(output);
  options.split_dim = cut == static_cast<int>(dim) ? -1 : cut;
  options.flops = numel_of(output) * (14 + flops_per_element(job.graph, job.group));
  builder.finish("softmax\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

}  // namespace lathe::compile::codegen
