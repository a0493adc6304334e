#include "lathe/evaluate/conformal/regression.h"

#include <torch/torch.h>

#include <algorithm>
#include <vector>

#include "lathe/core/error.h"
#include "lathe/evaluate/conformal/quantile.h"

namespace lathe::evaluate::conformal {
namespace {

at::Tensor column(const at::Tensor& values, const at::Tensor& like, const char* what) {
  if (!values.defined() || values.dim() != 1 || values.numel() == 0 || values.sizes() != like.sizes())
    throw InputError("{} must be [N], as many as the others and at least one", what);
  const at::Tensor result = values.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  const at::Tensor bad = result.isfinite().logical_not().nonzero();
  if (bad.size(0) > 0)
    throw InputError("{} {} (counted from 0) is not finite", what, bad[0][0].item<int64_t>());
  return result;
}

at::Tensor scale_of(const Ranges& ranges, const at::Tensor& low) {
  if (!ranges.scale.defined()) return torch::ones_like(low);
  const at::Tensor scale = column(ranges.scale, low, "scale");
  if (!scale.gt(0).all().item<bool>())
    throw InputError("scale must be positive, got {}", scale.min().item<double>());
  return scale;
}

}  // namespace

double interval_margin(const Ranges& ranges, const at::Tensor& targets, double alpha) {
  if (!(alpha > 0 && alpha < 1)) throw InputError("alpha must be in (0, 1), got {}", alpha);
  const at::Tensor y = column(targets, targets, "target");
  const at::Tensor low = column(ranges.low, y, "low"), high = column(ranges.high, y, "high");
  const at::Tensor scores = torch::maximum(low - y, y - high).div(scale_of(ranges, y)).contiguous();
  std::vector<double> sorted(scores.data_ptr<double>(), scores.data_ptr<double>() + scores.numel());
  std::sort(sorted.begin(), sorted.end());
  return conformal_quantile(sorted, alpha);
}

Intervals widen(const Ranges& ranges, double margin) {
  const at::Tensor low = column(ranges.low, ranges.low, "low"), high = column(ranges.high, low, "high");
  const at::Tensor by = scale_of(ranges, low) * margin;
  return {low - by, high + by};
}

}  // namespace lathe::evaluate::conformal
