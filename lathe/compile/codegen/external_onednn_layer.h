#pragma once
#include <optional>

#include "lathe/compile/codegen/external_onednn.h"
#include "lathe/compile/codegen/implementations.h"

namespace lathe::compile::codegen {

// A layer as oneDNN sees it, without what follows. Extents are those of dense storage, outermost first.
struct OnednnLayer {
  lathe_onednn_call call{};
  ValueId x = -1, w = -1;       // w: of a product of two values
  torch::Tensor weights, bias;  // undefined where there are none
  Shape x_extents, w_extents, y_extents;
  int64_t granule = 1, units = 1;  // of the cut: pieces are multiples of it; how much there is
  double flops = 0;
};
// Nothing where oneDNN has no such layer.
std::optional<OnednnLayer> onednn_layer(const Job& job);
// The same, reading a blocked input with its border as an image without: the border stands in for padding.
// Nothing where it is wider than the padding.
std::optional<OnednnLayer> reading_border(const Job& job, OnednnLayer layer);

}  // namespace lathe::compile::codegen
