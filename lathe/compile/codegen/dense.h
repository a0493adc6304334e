#pragma once
#include "lathe/compile/codegen/implementations.h"

namespace lathe::compile::codegen {

// Sums of `rows` × one panel of `width` columns, scheduled inside; computed where the caller says.
struct Panels {
  Halide::Func acc;
  std::function<Halide::Expr(const Halide::Expr& column, const Halide::Expr& row, const Halide::Expr& panel)>
      at;
};

// Of bytes; x [M, K] · w [N, K]ᵀ.
Panels integer_panels(Builder& builder, const Node& node, const Access& x, const torch::Tensor& weight,
                      int width);

}  // namespace lathe::compile::codegen
