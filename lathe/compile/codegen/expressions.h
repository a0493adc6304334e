#pragma once
#include <Halide.h>

#include "lathe/compile/graph.h"

namespace lathe::compile::codegen {

// An element-wise op on expressions of its inputs' elements, in the type of its output. f32 functions are
// accurate to a few units in the last place, as libtorch's are. Throws Error for an op that is not
// element-wise.
Halide::Expr elementwise(const Node& node, const std::vector<Halide::Expr>& inputs, DType output);
// The larger or smaller of two; NaN where one is, which Halide's max and min, free to assume that there is
// none, may drop.
Halide::Expr larger(const Halide::Expr& a, const Halide::Expr& b);
Halide::Expr smaller(const Halide::Expr& a, const Halide::Expr& b);
// Arithmetic operations an element costs, roughly.
double elementwise_cost(const std::string& op);

}  // namespace lathe::compile::codegen
