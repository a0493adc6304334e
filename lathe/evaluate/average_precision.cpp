#include "lathe/evaluate/average_precision.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::evaluate {

double average_precision(const at::Tensor& scores, const at::Tensor& relevant) {
  if (scores.dim() != 1 || scores.sizes() != relevant.sizes())
    throw InputError("average precision needs one score and one relevance for each example, got {} and {}",
                     scores.numel(), relevant.numel());
  const auto [sorted, order] = scores.to(torch::kFloat64).cpu().sort(0, /*descending=*/true);
  if (sorted.isnan().any().item<bool>()) throw InputError("average precision: a score is NaN");
  const at::Tensor hits = relevant.cpu().ne(0).index_select(0, order).to(torch::kFloat64).contiguous();
  const double num_relevant = hits.sum().item<double>();
  if (num_relevant == 0) throw InputError("average precision: no example is relevant");

  const double *score = sorted.data_ptr<double>(), *hit = hits.data_ptr<double>();
  double found = 0, counted = 0, sum = 0;
  for (int64_t i = 0; i < sorted.size(0); ++i) {
    found += hit[i];
    if (i + 1 < sorted.size(0) && score[i + 1] == score[i]) continue;  // equal scores stand or fall together
    sum += (found - counted) / num_relevant * found / static_cast<double>(i + 1);
    counted = found;
  }
  return sum;
}

}  // namespace lathe::evaluate
