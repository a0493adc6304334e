#include "lathe/compile/codegen/fold.h"

#include "lathe/compile/codegen/expressions.h"

namespace lathe::compile::codegen {

using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::Var;

Monoid monoid(const std::string& op) {
  if (op == "max") return {[](Halide::Type t) { return t.min(); }, larger};
  if (op == "min") return {[](Halide::Type t) { return t.max(); }, smaller};
  if (op == "prod")
    return {[](Halide::Type t) { return Halide::Internal::make_one(t); },
            [](const Expr& a, const Expr& b) { return a * b; }};
  return {[](Halide::Type t) { return Halide::Internal::make_zero(t); },
          [](const Expr& a, const Expr& b) { return a + b; }};
}

Folded fold(const std::string& op, size_t key_rank, const Shape& box, bool along_lanes, int lanes,
            const Term& term) {
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

void place(Func& out, const Loops& loop, const Argument& output, std::vector<Func> stages,
           const Placement& plan, int lanes) {
  const size_t rank = loop.vars.size();
  Var inner("inner"), outer("outer");
  bool split = false;
  if (plan.vector_dim < rank && output.dims[plan.vector_dim].extent >= lanes) {
    const bool even = output.dims[plan.vector_dim].extent % lanes == 0;
    out.split(loop.vars[plan.vector_dim], outer, inner, lanes,
              even ? Halide::TailStrategy::RoundUp : Halide::TailStrategy::ShiftInwards);
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

}  // namespace lathe::compile::codegen
