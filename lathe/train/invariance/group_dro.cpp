#include "lathe/train/invariance/group_dro.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::train::invariance {
namespace {

torch::Tensor normalised(const torch::Tensor& weights) {
  return weights / weights.sum(1, /*keepdim=*/true);
}

// Shifted by the largest: exp never overflows, and a sum is never 0.
torch::Tensor grown(const torch::Tensor& q, const torch::Tensor& exponents) {
  return normalised(q * (exponents - exponents.amax(1, /*keepdim=*/true)).exp());
}

}  // namespace

GroupDro::GroupDro(const torch::Tensor& sizes, GroupDroOptions options) : options_(options) {
  const torch::Tensor counts = sizes.to(torch::kFloat64).cpu();
  q_ = torch::full_like(counts, 1 / static_cast<double>(counts.size(1)));
  adjustment_ = options_.adjustment / counts.clamp_min(1).sqrt();
}

GroupDro::Step GroupDro::step(const torch::Tensor& losses, const Parts& parts, double rate) const {
  const torch::Tensor risks = cell_means(parts, losses), present = parts.present();
  torch::Tensor exponents;
  {
    const torch::NoGradGuard no_grad;
    torch::Tensor r = (risks + adjustment_.to(risks.options())) * present;
    if (options_.risk == RiskScale::relative) r = r / r.sum(1, /*keepdim=*/true).clamp_min(1e-30);
    exponents = rate * r * parts.compared().unsqueeze(1);
  }
  const torch::Tensor q = grown(q_.to(risks.options()), exponents) * present;
  const torch::Tensor of_class = (q * risks).sum(1) / q.sum(1).clamp_min(1e-30);
  const torch::Tensor in_batch = present.any(1);
  return {(of_class * in_batch).sum() / in_batch.sum(), exponents.to(torch::kFloat64).cpu()};
}

void GroupDro::update(const torch::Tensor& exponents) {
  q_ = grown(q_, exponents);
}

void GroupDro::set_weights(const torch::Tensor& weights) {
  const torch::Tensor q = weights.to(torch::kFloat64).cpu();
  if (q.sizes() != q_.sizes() || !q.ge(0).all().item<bool>() ||
      !q.sum(1).sub(1).abs().lt(1e-6).all().item<bool>())
    throw Error("group weights must be {} distributions over {} parts", q_.size(0), q_.size(1));
  q_ = q.clone();
}

}  // namespace lathe::train::invariance
