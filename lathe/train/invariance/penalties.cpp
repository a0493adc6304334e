#include "lathe/train/invariance/penalties.h"

#include <torch/torch.h>

namespace lathe::train::invariance {
namespace {

constexpr double kLeastProbability = 1e-12;

// values: of classes, or of pairs of a class; those that count in `counted`, bool of the same shape. active:
// bool [C].
Penalty reduce(const torch::Tensor& values, const torch::Tensor& counted, const torch::Tensor& active,
               Reduction reduction) {
  const torch::Tensor count = active.sum(), total = (values * counted).sum();
  return {reduction == Reduction::sum ? total : total / count.clamp_min(1), count};
}

// Pairs of part 0 with a later part, both present: bool [C, E − 1].
torch::Tensor pairs(const Parts& parts) {
  const torch::Tensor present = parts.present();
  return present.narrow(1, 0, 1).logical_and(present.slice(1, 1));
}

// Every second member of a cell, beginning with its first or its second.
Parts half(const Parts& parts, int64_t first) {
  const torch::Tensor rank = parts.membership.cumsum(1) - 1;
  const torch::Tensor membership = parts.membership.logical_and(rank.remainder(2).eq(first));
  return {membership, membership.sum(1).view(parts.counts.sizes())};
}

}  // namespace

Penalty pgi_penalty(const torch::Tensor& probabilities, const Parts& parts, Reduction reduction) {
  const torch::Tensor means =
      cell_means(parts, probabilities).clamp(kLeastProbability, 1 - kLeastProbability);  // [C, E, K]
  const int64_t num_others = means.size(1) - 1;
  const std::vector<torch::Tensor> split = means.split_with_sizes({1, num_others}, 1);
  const torch::Tensor &largest = split[0], &others = split[1];
  const torch::Tensor divergence = (others * (others / largest).log()).mean(-1);
  const torch::Tensor compared = pairs(parts);
  return reduce(divergence, compared, compared.any(1), reduction);
}

torch::Tensor dummy_gradients(const torch::Tensor& logits, const torch::Tensor& targets, DummyScale scale) {
  const torch::Tensor of_class =
      (torch::softmax(logits, 1) - torch::one_hot(targets, logits.size(1))) * logits;
  return scale == DummyScale::vector ? of_class : of_class.sum(1, /*keepdim=*/true);
}

Penalty irm_penalty(const torch::Tensor& logits, const torch::Tensor& targets, const Parts& parts,
                    const IrmOptions& options) {
  const torch::Tensor gradients = dummy_gradients(logits, targets, options.scale);
  torch::Tensor squared_norms;  // [C, E]
  if (options.norm == SquaredNorm::squared)
    squared_norms = cell_means(parts, gradients).square().sum(-1);
  else
    squared_norms = (cell_means(half(parts, 0), gradients) * cell_means(half(parts, 1), gradients)).sum(-1);
  const torch::Tensor num_present = parts.present().sum(1).clamp_min(1);
  const torch::Tensor compared = parts.compared();
  return reduce(squared_norms.sum(1) / num_present, compared, compared, Reduction::mean);
}

Penalty rex_penalty(const torch::Tensor& losses, const Parts& parts) {
  const torch::Tensor risks = cell_means(parts, losses), present = parts.present();
  const torch::Tensor num_present = present.sum(1).clamp_min(1);
  const torch::Tensor mean = (risks * present).sum(1) / num_present;
  const torch::Tensor variance = ((risks - mean.unsqueeze(1)).square() * present).sum(1) / num_present;
  const torch::Tensor compared = parts.compared();
  return reduce(variance, compared, compared, Reduction::mean);
}

Penalty mmd_penalty(const torch::Tensor& features, const Parts& parts,
                    const std::vector<double>& bandwidths) {
  const torch::Tensor norms = features.square().sum(1);
  const torch::Tensor distances =
      (norms.unsqueeze(1) + norms - 2 * torch::mm(features, features.t())).clamp_min(0);
  torch::Tensor kernel = torch::zeros_like(distances);
  for (double s : bandwidths)
    kernel = kernel + torch::exp(distances / (-2 * s * s)) / static_cast<double>(bandwidths.size());

  const int64_t num_classes = parts.counts.size(0), num_parts = parts.counts.size(1);
  const torch::Tensor between =  // means of the kernel over two cells, [C · E, C · E]
      cell_means(parts, cell_means(parts, kernel).view({num_classes * num_parts, -1}).t())
          .view({num_classes * num_parts, -1});
  const torch::Tensor within = between.diagonal().view({num_classes, num_parts});
  const torch::Tensor cells =
      torch::arange(num_classes * num_parts, parts.counts.options()).view({num_classes, num_parts});
  const torch::Tensor across = between.view(-1).take(cells.narrow(1, 0, 1) * num_classes * num_parts + cells);
  const torch::Tensor discrepancy = (within.narrow(1, 0, 1) + within - 2 * across).slice(1, 1);
  const torch::Tensor compared = pairs(parts);
  return reduce(discrepancy, compared, compared.any(1), Reduction::mean);
}

torch::Tensor balanced_mean(const torch::Tensor& losses, const torch::Tensor& parts, int64_t num_parts) {
  const torch::Tensor counts = parts.bincount({}, num_parts).to(losses.options());
  const torch::Tensor weights = (counts * num_parts).reciprocal();
  return torch::dot(weights.index_select(0, parts.to(torch::kInt64)), losses);
}

torch::Tensor reweighted_mean(const torch::Tensor& losses, const torch::Tensor& parts, double weight) {
  const torch::Tensor weights = torch::ones_like(losses).masked_fill(parts.eq(0), 1 / (1 + weight));
  return torch::dot(weights, losses) / weights.sum();
}

}  // namespace lathe::train::invariance
