#include <algorithm>

#include "lathe/compile/codegen/implementations.h"
#include "lathe/compile/codegen/shape_rules.h"
#include "lathe/compile/op.h"

namespace lathe::compile::codegen {

Loops loops(size_t rank) {
  Loops result;
  for (size_t d = 0; d < rank; ++d) result.vars.emplace_back("d" + std::to_string(d));
  result.at.assign(result.vars.rbegin(), result.vars.rend());
  return result;
}

int outer_dim(const Argument& output) {
  for (int d = static_cast<int>(output.dims.size()) - 1; d >= 1; --d)
    if (output.dims[static_cast<size_t>(d)].extent > 1) return d;
  return -1;
}

int most_accumulators(int registers, int columns) {
  if (registers > 16) return columns == 1 ? 16 : 20;
  return columns == 1 ? 13 : columns == 2 ? 10 : 12;
}

double numel_of(const Argument& argument) {
  double count = 1;
  for (const Dim& dim : argument.dims) count *= dim.extent;
  return count;
}

namespace {

// Element-wise on equal shapes: one loop over all elements does.
bool is_flat(const Job& job) {
  const Type& output = job.graph.type(job.output());
  for (int index : job.group.nodes) {
    const Node& node = job.graph.nodes[static_cast<size_t>(index)];
    if (!is_elementwise(node.op) || has_shape_rule(node.op)) return false;
    for (ValueId id : node.inputs) {
      const Value& value = job.graph.value(id);
      if (value.layout.block > 1) return false;
      if (value.type.shape != output.shape && !(value.is_constant() && value.type.numel() == 1)) return false;
    }
  }
  return job.graph.value(job.output()).layout.block <= 1;
}

Implementation flat(const Job& job) {
  Implementation result;
  result.name = "flat";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  const int count = static_cast<int>(job.graph.type(job.output()).numel()), lanes = builder.lanes();
  const auto as_line = [&](ValueId id) {
    return dense(Argument::Place::value, id, job.graph.type(id).dtype, {count});
  };
  Halide::Var i("i");
  for (int index : job.group.nodes)
    for (ValueId id : job.graph.nodes[static_cast<size_t>(index)].inputs) {
      const Value& value = job.graph.value(id);
      if (scope.defined(id) || (value.is_constant() && value.type.numel() == 1)) continue;
      const bool made_here = std::any_of(job.group.nodes.begin(), job.group.nodes.end(), [&](int other) {
        return job.graph.nodes[static_cast<size_t>(other)].outputs[0] == id;
      });
      if (made_here) continue;
      const Access line =
          value.is_constant() ? builder.parameter(value.constant.flatten()) : builder.view(as_line(id));
      scope.define(id, [line, i](const Coordinates&) { return line({i}); });
    }
  const ValueId last = lower_rest(scope, job.group);
  Halide::Func out("out");
  out(i) = scope.at(last)(Coordinates(job.graph.type(last).shape.size(), Halide::Expr(0)));
  const int unroll = count >= 4 * lanes ? 4 : 1;
  Builder::Output options;
  if (count >= lanes) {
    Halide::Var block, lane;
    out.split(i, block, lane, lanes * unroll, Halide::TailStrategy::GuardWithIf);
    if (count % (lanes * unroll) == 0) {
      out.vectorize(lane, lanes).unroll(lane);
    } else {
      out.vectorize(lane, lanes);
    }
    options.split_dim = count >= 4096 ? 0 : -1;
    options.granule = lanes * unroll;
  }
  options.flops = count * flops_per_element(job.graph, job.group);
  builder.finish("flat\n" + signature(job.graph, job.group), {out}, {as_line(last)}, options);
  return result;
}

}  // namespace

void finish_injective(Builder& builder, Scope& scope, const Job& job, const std::string& name) {
  const ValueId last = lower_rest(scope, job.group);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Halide::Func out("out");
  out(loop.vars) = without_filling(job.graph.value(last), loop.at, scope.at(last)(loop.at));
  const int lanes = builder.lanes();
  if (output.dims[0].extent >= lanes)
    out.vectorize(loop.vars[0], lanes,
                  output.dims[0].extent % lanes == 0 ? Halide::TailStrategy::RoundUp
                                                     : Halide::TailStrategy::ShiftInwards);
  Builder::Output options;
  options.split_dim = outer_dim(output);
  options.flops = numel_of(output) * flops_per_element(job.graph, job.group);
  builder.finish(name + "\n" + signature(job.graph, job.group), {out}, {output}, options);
}

std::vector<Implementation> injective(const Job& job) {
  if (is_flat(job)) return {flat(job)};
  Implementation result;
  result.name = "injective";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  finish_injective(builder, scope, job, result.name);
  return {result};
}

}  // namespace lathe::compile::codegen
