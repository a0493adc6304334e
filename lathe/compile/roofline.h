#pragma once

namespace lathe::compile {

// What this processor can do: no kernel takes less time than max(flops / peak, bytes / bandwidth). Williams,
// Waterman & Patterson, CACM 2009. Kernels whose data lies in the caches, Winograd convolutions (counted as
// direct ones) and layers in bytes may be beyond it.
struct Roofline {
  double flops = 0;      // a second: fused multiply-adds of f32 from registers, two each
  double bandwidth = 0;  // bytes a second, read from memory
  double seconds(double work, double bytes) const;
};
// Measured now, on as many threads at once; a tenth of a second or so.
Roofline measure_roofline(int threads);

}  // namespace lathe::compile
