#pragma once
#include "lathe/compile/codegen/convolution.h"
#include "lathe/compile/codegen/winograd_transforms.h"

// What Winograd's kernels and the choice of their variants share.
namespace lathe::compile::codegen {

struct WinogradVariant {
  Filtering filtering;
  int rows;    // rows of tiles that are transformed together; 0: a first kernel transforms all
  int tiles;   // register tile: tiles …
  int blocks;  // … × blocks of output channels
  int depth;   // blocks of input channels whose filters are transformed together; 0: that was done before
};

struct WinogradGeometry {
  int m, alpha, tiles_x, tiles_y;
  int tiles() const { return tiles_x * tiles_y; }
};

inline WinogradGeometry geometry(const Conv2d& conv, int m) {
  return {m, m + 2, static_cast<int>((conv.width + m - 1) / m), static_cast<int>((conv.height + m - 1) / m)};
}

inline int rounded_up(int n, int step) {
  return (n + step - 1) / step * step;
}

// Best first, at most job.variants.
std::vector<WinogradVariant> winograd_variants(const Job& job, const Conv2d& conv);

}  // namespace lathe::compile::codegen
