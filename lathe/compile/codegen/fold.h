#pragma once
#include "lathe/compile/codegen/implementations.h"

namespace lathe::compile::codegen {

inline Halide::Expr as_int(int64_t value) {
  return Halide::Expr(static_cast<int>(value));
}

struct Monoid {
  std::function<Halide::Expr(Halide::Type)> identity;
  std::function<Halide::Expr(const Halide::Expr&, const Halide::Expr&)> combine;
};
Monoid monoid(const std::string& op);  // max, min, prod; else sum

// f(key) = combine over r of term(key, r), where r runs over a box whose last axis lies along memory. With
// `along_lanes` each lane takes every lanes-th element of that axis.
struct Folded {
  Halide::Func result;
  std::vector<Halide::Func> stages;  // all that this made, for place()
};
using Term = std::function<Halide::Expr(const Coordinates& key, const Coordinates& r)>;
Folded fold(const std::string& op, size_t key_rank, const Shape& box, bool along_lanes, int lanes,
            const Term& term);

Halide::Expr call(const Halide::Func& f, const Coordinates& at);  // at: outermost first

// How the final loops are cut, and where the stages before them are computed.
struct Placement {
  size_t vector_dim;  // the output's dimension that lanes run along; its rank: none
  size_t level;       // stages are computed inside the loop over this dimension (its rank: outside of all)
};
void place(Halide::Func& out, const Loops& loop, const Argument& output, std::vector<Halide::Func> stages,
           const Placement& plan, int lanes);

}  // namespace lathe::compile::codegen
