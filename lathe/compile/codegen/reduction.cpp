#include <algorithm>
#include <functional>
#include <numeric>

#include "lathe/compile/codegen/implementations.h"
#include "lathe/compile/codegen/windows.h"
#include "lathe/core/error.h"

namespace lathe::compile::codegen {
namespace {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

Expr as_int(int64_t value) { return Expr(static_cast<int>(value)); }

struct Monoid {
  std::function<Expr(Halide::Type)> identity;
  std::function<Expr(const Expr&, const Expr&)> combine;
};

Monoid monoid(const std::string& op) {
  if (op == "max") return {[](Halide::Type t) { return t.min(); }, [](const Expr& a, const Expr& b) { return Halide::max(a, b); }};
  if (op == "min") return {[](Halide::Type t) { return t.max(); }, [](const Expr& a, const Expr& b) { return Halide::min(a, b); }};
  if (op == "prod") return {[](Halide::Type t) { return Halide::Internal::make_one(t); }, [](const Expr& a, const Expr& b) { return a * b; }};
  return {[](Halide::Type t) { return Halide::Internal::make_zero(t); }, [](const Expr& a, const Expr& b) { return a + b; }};
}

// f(key) = combine over r of term(key, r), where r runs over a box whose last axis lies along memory. Several lanes
// each take every lanes-th element of that axis; `place` schedules every stage that this makes.
struct Folded {
  Func result;
  std::vector<Func> stages;
};
using Term = std::function<Expr(const Coordinates& key, const Coordinates& r)>;

Folded fold(const std::string& op, size_t key_rank, const Shape& box, bool along_lanes, int lanes, const Term& term) {
  const Monoid m = monoid(op);
  const Loops key = loops(key_rank);
  const Expr sample = term(key.at, Coordinates(box.size(), Expr(0)));
  const Halide::Type type = sample.type();
  Folded folded;
  folded.result = Func("fold");
  const int64_t last = box.back();
  const auto domain = [](const Shape& extents) {
    std::vector<Halide::Range> ranges;
    for (size_t i = extents.size(); i-- > 0;) ranges.emplace_back(0, as_int(extents[i]));
    return RDom(ranges);
  };
  const auto coordinates = [&](const RDom& r) {
    Coordinates at;
    for (int i = r.dimensions(); i-- > 0;) at.push_back(r[i]);
    return at;
  };
  folded.result(key.vars) = m.identity(type);
  if (!along_lanes || last < lanes) {
    const RDom r = domain(box);
    folded.result(key.vars) = m.combine(folded.result(key.vars), term(key.at, coordinates(r)));
    folded.stages = {folded.result};
    return folded;
  }
  Var lane("lane");
  std::vector<Var> partial_vars = {lane};
  partial_vars.insert(partial_vars.end(), key.vars.begin(), key.vars.end());
  Func partial("partial");
  partial(partial_vars) = m.identity(type);
  Shape whole = box;
  whole.back() = last / lanes;
  const RDom r = domain(whole);
  Coordinates at = coordinates(r);
  at.back() = at.back() * lanes + lane;
  partial(partial_vars) = m.combine(partial(partial_vars), term(key.at, at));
  partial.vectorize(lane, lanes).update().vectorize(lane, lanes);
  const RDom across(0, lanes);
  std::vector<Expr> read = {across.x};
  read.insert(read.end(), key.vars.begin(), key.vars.end());
  folded.result(key.vars) = m.combine(folded.result(key.vars), partial(read));
  if (last % lanes != 0) {
    Shape rest = box;
    rest.back() = last % lanes;
    const RDom tail = domain(rest);
    Coordinates at_tail = coordinates(tail);
    at_tail.back() += as_int(last / lanes * lanes);
    folded.result(key.vars) = m.combine(folded.result(key.vars), term(key.at, at_tail));
  }
  partial.bound(lane, 0, lanes);
  folded.stages = {partial, folded.result};
  return folded;
}

Expr call(const Func& f, const Coordinates& at) {
  if (at.empty()) return f();
  return f(std::vector<Expr>(at.rbegin(), at.rend()));
}

// How the final loops are cut, and where the stages before them are computed.
struct Plan {
  size_t vector_dim;  // the output's dimension that lanes run along; its rank: none
  size_t level;       // stages are computed inside the loop over this dimension (its rank: outside of all)
};

struct Kernel {
  Builder& builder;
  Scope& scope;
  const Job& job;
};

void place(Func& out, const Loops& loop, const Argument& output, std::vector<Func> stages, const Plan& plan, int lanes) {
  const size_t rank = loop.vars.size();
  Var inner("inner"), outer("outer");
  bool split = false;
  if (plan.vector_dim < rank && output.dims[plan.vector_dim].extent >= lanes) {
    const bool even = output.dims[plan.vector_dim].extent % lanes == 0;
    out.split(loop.vars[plan.vector_dim], outer, inner, lanes, even ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
    std::vector<Halide::VarOrRVar> order = {inner};
    for (size_t d = 0; d < rank; ++d) {
      if (d == plan.vector_dim) {
        if (plan.level == d) continue;
        order.emplace_back(outer);
      } else {
        order.emplace_back(loop.vars[d]);
      }
    }
    if (plan.level == plan.vector_dim) {
      // Lanes run along the key: everything else of this dimension's tile is inside.
      order.clear();
      order.emplace_back(inner);
      for (size_t d = 0; d < plan.level; ++d) order.emplace_back(loop.vars[d]);
      order.emplace_back(outer);
      for (size_t d = plan.level + 1; d < rank; ++d) order.emplace_back(loop.vars[d]);
    }
    out.reorder(order).vectorize(inner);
    split = true;
  }
  for (Func& stage : stages) {
    stage.store_in(kOnStack);
    if (plan.level >= rank)
      stage.compute_root();
    else if (split && plan.level == plan.vector_dim)
      stage.compute_at(out, outer);
    else
      stage.compute_at(out, loop.vars[plan.level]);
  }
}

// ---- sums and the like ----

std::vector<Implementation> fold_axes(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "fold";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i) scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
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
  if (block > 1 && (box.size() != 2 || axes[0] != 2 || axes[1] != 3)) throw Error("a blocked value is reduced over y and x only");

  // Keys: kept axes of the dense shape; of a blocked value n, block, lane.
  const size_t key_rank = block > 1 ? 3 : kept.size();
  const Term term = [&](const Coordinates& key, const Coordinates& r) {
    if (block > 1) return input({key[0], key[1], r[0], r[1], key[2]});
    Coordinates at(from.type.shape.size());
    for (size_t i = 0; i < kept.size(); ++i) at[kept[i]] = key[i];
    for (size_t i = 0; i < axes.size(); ++i) at[static_cast<size_t>(axes[i])] = r[i];
    return input(at);
  };
  const bool last_reduced = block <= 1 && !axes.empty() && axes.back() + 1 == static_cast<int64_t>(from.type.shape.size());
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
  const ValueId last = lower_rest(scope, job.group, job.anchor + 1);
  const Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = without_filling(job.graph.value(last), loop.at, scope.at(last)(loop.at));
  // The innermost dimension of more than one element takes the lanes, unless these run along the reduced axis.
  size_t inner = 0;
  while (inner + 1 < output.dims.size() && output.dims[inner].extent == 1) ++inner;
  place(out, loop, output, folded.stages, {last_reduced ? output.dims.size() : inner, inner}, builder.lanes());
  if (!last_reduced && output.dims[inner].extent >= builder.lanes())
    for (Func& stage : folded.stages) {
      // Keys of the tile: dense kept axes end with the lanes' axis; blocked ones with the lane.
      stage.vectorize(stage.args()[0], builder.lanes(), Halide::TailStrategy::GuardWithIf)
          .update()
          .vectorize(stage.args()[0], builder.lanes(), Halide::TailStrategy::GuardWithIf);
    }
  Builder::Output options;
  options.split_dim = outer_dim(output);
  options.flops = static_cast<double>(from.type.numel()) + numel_of(output) * flops_per_element(job.graph, job.group);
  builder.finish("fold\n" + signature(job.graph, job.group), {out}, {output}, options);
  return {result};
}

// ---- poolings ----

std::vector<Implementation> pool(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "pool";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i) scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
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
  if (!Halide::Internal::is_const_one(inside)) x = Halide::select(Halide::likely(inside), x, m.identity(x.type()));
  f(key.vars) = m.identity(x.type());
  f(key.vars) = m.combine(f(key.vars), x);
  Func scaled("scaled");
  scaled(key.vars) = maximum ? Expr(f(key.vars)) : f(key.vars) / Halide::cast(x.type(), count);
  const int block = from.layout.block;
  scope.define(node.outputs[0], [=](const Coordinates& c) -> Expr {
    if (from_blocked && !to_blocked) return call(scaled, {c[0], c[1] / block, c[2], c[3], c[1] % block});
    return call(scaled, c);
  });
  const ValueId last = lower_rest(scope, job.group, job.anchor + 1);
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

// ---- softmax ----

std::vector<Implementation> softmax(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "softmax";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i) scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
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
  // A row is kept when its elements cost arithmetic or are read three times from far away; rows beyond the stack's
  // share are read again.
  const Loops all = loops(shape.size());
  Access row = input;
  Func copy("row"), power("power");
  const bool kept = is_last && shape[axis] <= 32768;
  if (kept) {
    copy(all.vars) = input(all.at);
    stages.push_back(copy);
    row = [copy](const Coordinates& at) { return call(copy, at); };
  }
  Folded largest = fold("max", shape.size() - 1, {shape[axis]}, is_last, lanes,
                        [&](const Coordinates& key, const Coordinates& r) { return row(with_axis(key, r[0])); });
  const auto key_of = [axis](Coordinates at) {
    at.erase(at.begin() + static_cast<long>(axis));
    return at;
  };
  const Func top = largest.result;
  power(all.vars) = Halide::exp(row(all.at) - call(top, key_of(all.at)));
  Folded total = fold("sum", shape.size() - 1, {shape[axis]}, is_last, lanes,
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
  const ValueId last = lower_rest(scope, job.group, job.anchor + 1);
  Argument output = interior(job.graph, last);
  const Loops loop = loops(output.dims.size());
  Func out("out");
  out(loop.vars) = without_filling(job.graph.value(last), loop.at, scope.at(last)(loop.at));
  const size_t dim = shape.size() - 1 - axis;  // the axis among the output's dimensions
  if (is_last) {
    place(out, loop, output, stages, {0, output.dims.size() > 1 ? size_t{1} : output.dims.size()}, lanes);
    for (Func& stage : {std::ref(copy), std::ref(power)})
      if (stage.defined() && kept && shape[axis] >= lanes && (!logarithm || &stage == &copy))
        stage.vectorize(all.vars[0], lanes, shape[axis] % lanes == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
  } else {
    // Lanes run along the innermost axis; the softmax axis is the loop just outside of them.
    Var inner("inner"), outer("outer");
    const bool wide = output.dims[0].extent >= lanes;
    std::vector<Halide::VarOrRVar> order;
    if (wide) {
      out.split(loop.vars[0], outer, inner, lanes, output.dims[0].extent % lanes == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
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

// ---- norms ----

// layer_norm: a row is the last axes; group_norm: a row is the channels of a group and all positions.
std::vector<Implementation> norm(const Job& job) {
  const Node& node = job.node();
  Implementation result;
  result.name = "norm";
  Builder builder(job.graph, job.target, job.cache, result);
  Scope scope(builder);
  for (size_t i = 0; i < job.anchor; ++i) scope.lower(job.graph.nodes[static_cast<size_t>(job.group.nodes[i])]);
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
  const Expr variance = call(squares.result, row.at) * Halide::Internal::make_const(halide_type(job.graph.type(node.inputs[0]).dtype), 1.0 / static_cast<double>(count));
  inverse(row.vars) = Halide::Internal::make_one(variance.type()) /
                      Halide::sqrt(variance + Halide::Internal::make_const(variance.type(), node.number("eps")));
  std::vector<Access> weights;
  for (size_t i = 1; i < node.inputs.size(); ++i) weights.push_back(scope.at(node.inputs[i]));
  scope.define(node.outputs[0], [=](const Coordinates& at) {
    const Coordinates key = key_of(at);
    Expr y = (input(at) - mean(key)) * call(inverse, key);
    const Coordinates own = by_layer ? Coordinates(at.begin() + static_cast<long>(lead), at.end()) : Coordinates{at[1]};
    if (!weights.empty()) y = y * weights[0](own);
    if (weights.size() > 1) y = y + weights[1](own);
    return y;
  });
  const ValueId last = lower_rest(scope, job.group, job.anchor + 1);
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
      out.vectorize(loop.vars[0], lanes, output.dims[0].extent % lanes == 0 ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
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

}  // namespace

std::vector<Implementation> reduction(const Job& job) {
  const std::string& op = job.node().op;
  if (op == "softmax" || op == "log_softmax") return softmax(job);
  if (op == "layer_norm" || op == "group_norm" || op == "instance_norm") return norm(job);
  if (op.find("pool") != std::string::npos) return pool(job);
  return fold_axes(job);
}

}  // namespace lathe::compile::codegen
