#include "lathe/train/invariance/parts.h"

#include <torch/torch.h>

namespace lathe::train::invariance {

Parts parts_of(const torch::Tensor& classes, const torch::Tensor& parts, int64_t num_classes,
               int64_t num_parts) {
  const torch::Tensor cell = classes.to(torch::kInt64) * num_parts + parts.to(torch::kInt64);
  const torch::Tensor cells = torch::arange(num_classes * num_parts, cell.options());
  const torch::Tensor membership = cells.unsqueeze(1).eq(cell);
  // Exact, and a tenth of the time that the sum of a bool tensor takes.
  const torch::Tensor counts = membership.to(torch::kFloat64).sum(1).to(torch::kInt64);
  return {membership, counts.view({num_classes, num_parts})};
}

Parts parts_of(const torch::Tensor& parts, int64_t num_parts) {
  return parts_of(torch::zeros_like(parts), parts, 1, num_parts);
}

torch::Tensor cell_means(const Parts& parts, const torch::Tensor& values) {
  const torch::Tensor rows = values.dim() == 1 ? values.unsqueeze(1) : values;
  const torch::Tensor sums = torch::mm(parts.membership.to(rows.dtype()), rows);
  const torch::Tensor means = sums / parts.counts.view({-1, 1}).clamp_min(1);
  std::vector<int64_t> shape = parts.counts.sizes().vec();
  if (values.dim() == 2) shape.push_back(values.size(1));
  return means.view(shape);
}

}  // namespace lathe::train::invariance
