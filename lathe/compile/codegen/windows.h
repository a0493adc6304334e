#pragma once
#include <Halide.h>

#include "lathe/compile/graph.h"

namespace lathe::compile::codegen {

struct WindowTap {
  Halide::Expr position;  // kept inside the axis
  Halide::Expr inside;    // undefined: always
};

// The window of a pooling along one axis.
struct Window {
  int from = 0, to = 0;  // extents of input and output
  int taps = 1, stride = 1, padding = 0, dilation = 1;
  bool adaptive = false;      // from ⌊i from/to⌋ to ⌈(i + 1) from/to⌉
  bool count_padding = true;  // an average divides by the taps in the padding too
  int counted_end = 0;        // the padding that counts ends here (ceil mode goes beyond)

  WindowTap at(const Halide::Expr& i, const Halide::Expr& tap) const;
  Halide::Expr divisor(const Halide::Expr& i) const;
};
std::vector<Window> pool_windows(const Node& node, const Shape& input, const Shape& output);

}  // namespace lathe::compile::codegen
