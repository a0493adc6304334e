#include <algorithm>

#include "lathe/compile/codegen/fold.h"

namespace lathe::compile::codegen {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

// layer_norm: a row is the last axes; group_norm: a row is the channels of a group and all positions.
std::vector<Implementation> normalization(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "norm";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i)
    scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
  const Shape shape = job.graph.type(node.inputs[0]).shape;
  const Access input = scope.at(node.inputs[0]);
  const int lanes = builder.lanes();
  const bool by_layer = node.op == "layer_norm";
  const size_t num_axes = by_layer ? static_cast<size_t>(node.integer("num_axes")) : shape.size() - 1;
  const size_t lead = shape.size() - num_axes;
  const int64_t channels = by_layer ? 0 : shape[1];
  const int64_t groups = by_layer ? 0 : node.op == "instance_norm" ? channels : node.integer("groups");
  const int64_t members = by_layer ? 1 : channels / groups;

  Shape box(shape.begin() + static_cast<long>(lead), shape.end());
  if (!by_layer) box[0] = members;
  int64_t count = 1;
  for (int64_t extent : box) count *= extent;
  const size_t key_rank = by_layer ? lead : 2;
  const auto position = [=](const Coordinates& key, const Coordinates& r) {
    if (by_layer) {
      Coordinates at = key;
      at.insert(at.end(), r.begin(), r.end());
      return at;
    }
    Coordinates at = {key[0], key[1] * as_int(members) + r[0]};
    at.insert(at.end(), r.begin() + 1, r.end());
    return at;
  };
  const auto key_of = [=](const Coordinates& at) -> Coordinates {
    if (by_layer) return Coordinates(at.begin(), at.begin() + static_cast<long>(lead));
    return {at[0], at[1] / as_int(members)};
  };
  Folded total = fold("sum", key_rank, box, true, lanes,
                      [&](const Coordinates& key, const Coordinates& r) { return input(position(key, r)); });
  const Func sum = total.result;
  const auto mean = [=](const Coordinates& key) {
    const Expr s = call(sum, key);
    return s * Halide::Internal::make_const(s.type(), 1.0 / static_cast<double>(count));
  };
  Folded squares = fold("sum", key_rank, box, true, lanes, [&](const Coordinates& key, const Coordinates& r) {
    const Expr d = input(position(key, r)) - mean(key);
    return d * d;
  });
  // One over the deviation, once a row.
  const Loops row = loops(key_rank);
  Func inverse("inverse");
  const Expr variance = call(squares.result, row.at) *
                        Halide::Internal::make_const(halide_type(job.graph.type(node.inputs[0]).dtype),
                                                     1.0 / static_cast<double>(count));
  inverse(row.vars) =
      Halide::Internal::make_one(variance.type()) /
      Halide::sqrt(variance + Halide::Internal::make_const(variance.type(), node.number("eps")));
  std::vector<Access> weights;
  for (size_t i = 1; i < node.inputs.size(); ++i) weights.push_back(scope.at(node.inputs[i]));
  scope.define(node.outputs[0], [=](const Coordinates& at) {
    const Coordinates key = key_of(at);
    Expr y = (input(at) - mean(key)) * call(inverse, key);
    const Coordinates own =
        by_layer ? Coordinates(at.begin() + static_cast<long>(lead), at.end()) : Coordinates{at[1]};
    if (!weights.empty()) y = y * weights[0](own);
    if (weights.size() > 1) y = y + weights[1](own);
    return y;
  });
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = without_filling(job.graph.value(last), loop.at, scope.at(last)(loop.at));
  std::vector<Func> stages = total.stages;
  stages.insert(stages.end(), squares.stages.begin(), squares.stages.end());
  stages.push_back(inverse);
  Builder::Output options;
  options.split_dim = outer_dim(output);
  const size_t rank = output.dims.size();
  if (by_layer) {
    place(out, loop, output, stages, {0, lead > 0 ? rank - lead : rank}, lanes);
    if (lead == 0 || options.split_dim < static_cast<int>(rank - lead)) options.split_dim = -1;
  } else {
    // Dimension of the channels; a group's channels are inside the loop that computes its moments.
    const size_t c = rank - 2;
    Var group("group"), member("member");
    out.split(loop.vars[c], group, member, static_cast<int>(members), Halide::TailStrategy::RoundUp);
    if (c > 0 && output.dims[0].extent >= lanes)
      out.vectorize(loop.vars[0], lanes,
                    output.dims[0].extent % lanes == 0 ? Halide::TailStrategy::RoundUp
                                                       : Halide::TailStrategy::ShiftInwards);
    for (Func& stage : stages) {
      stage.store_in(kOnStack);
      stage.compute_at(out, group);
    }
    if (options.split_dim == static_cast<int>(c)) options.granule = static_cast<int>(members);
    if (options.split_dim >= 0 && options.split_dim < static_cast<int>(c)) options.split_dim = -1;
  }
  options.flops = numel_of(output) * (8 + flops_per_element(job.graph, job.group));
  builder.finish("norm\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

}  // namespace lathe::compile::codegen
