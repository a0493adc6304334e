#include "lathe/compile/codegen/windows.h"

namespace lathe::compile::codegen {

using Halide::Expr;

WindowTap Window::at(const Expr& i, const Expr& tap) const {
  if (adaptive) {
    const Expr start = i * from / to, end = ((i + 1) * from + to - 1) / to;
    return {Halide::min(start + tap, from - 1), start + tap < end};
  }
  const Expr position = i * stride - padding + tap * dilation;
  const int last = (to - 1) * stride - padding + (taps - 1) * dilation;
  if (padding == 0 && last < from) return {position, {}};
  return {Halide::clamp(Halide::likely(position), 0, from - 1), position >= 0 && position < from};
}

Expr Window::divisor(const Expr& i) const {
  if (adaptive) return ((i + 1) * from + to - 1) / to - i * from / to;
  const int last = (to - 1) * stride - padding + taps - 1;
  const int low = count_padding ? -padding : 0, high = count_padding ? counted_end : from;
  if (low <= -padding && last < high) return taps;
  const Expr start = i * stride - padding;
  return Halide::min(start + taps, high) - Halide::max(start, low);
}

std::vector<Window> pool_windows(const Node& node, const Shape& input, const Shape& output) {
  std::vector<Window> windows;
  const size_t spatial = input.size() - 2;
  for (size_t s = 0; s < spatial; ++s) {
    Window w;
    w.from = static_cast<int>(input[s + 2]);
    w.to = static_cast<int>(output[s + 2]);
    if (node.op.rfind("adaptive", 0) == 0) {
      if (w.from % w.to == 0) {
        w.taps = w.stride = w.from / w.to;
        w.counted_end = w.from;
      } else {
        w.adaptive = true;
        for (int i = 0; i < w.to; ++i)
          w.taps = std::max(w.taps, ((i + 1) * w.from + w.to - 1) / w.to - i * w.from / w.to);
      }
    } else {
      w.taps = static_cast<int>(node.integers("kernel")[s]);
      w.stride = static_cast<int>(node.integers("stride")[s]);
      w.padding = static_cast<int>(node.integers("padding")[s]);
      if (node.has("dilation")) w.dilation = static_cast<int>(node.integers("dilation")[s]);
      w.count_padding = node.integer("count_include_pad", 1) != 0;
      w.counted_end = w.from + static_cast<int>(node.integers("padding")[s + spatial]);
    }
    windows.push_back(w);
  }
  return windows;
}

}  // namespace lathe::compile::codegen
