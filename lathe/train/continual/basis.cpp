#include "lathe/train/continual/basis.h"

#include <torch/torch.h>

#include <cmath>

namespace lathe::train::continual {
namespace {

// Inputs come in float32, so what one direction has below this share of all energy may be rounding.
constexpr double kRounding = 0x1p-46;
// Sums of eigenvalues are this exact, relatively.
constexpr double kSlack = 1e-12;

struct Spectrum {
  std::vector<double> energies;  // descending; rounding counts as 0
  torch::Tensor vectors;         // columns, in the same order
};

Spectrum spectrum_of(const torch::Tensor& gram, double total) {
  auto [values, vectors] = torch::linalg_eigh((gram + gram.t()) / 2);
  Spectrum spectrum;
  spectrum.vectors = vectors.flip(1);
  const torch::Tensor descending = values.flip(0).cpu();
  for (int64_t i = 0; i < descending.size(0); ++i) {
    const double energy = descending[i].item<double>();
    spectrum.energies.push_back(energy > kRounding * total ? energy : 0);
  }
  return spectrum;
}

double energy_of(const torch::Tensor& gram) {
  return gram.trace().item<double>();
}

double share_inside(const torch::Tensor& basis, const torch::Tensor& gram, double total) {
  return total > 0 ? torch::einsum("di,de,ei->", {basis, gram, basis}).item<double>() / total : 1;
}

Basis with_share(torch::Tensor vectors, const torch::Tensor& gram, double total) {
  const double energy = share_inside(vectors, gram, total);
  return {std::move(vectors), energy};
}

}  // namespace

Basis extend_basis(const torch::Tensor& basis, const torch::Tensor& gram, double threshold) {
  const torch::NoGradGuard no_grad;
  const double total = energy_of(gram);
  const torch::Tensor projected = basis.mm(basis.t().mm(gram));
  const torch::Tensor left = gram - projected - projected.t() + projected.mm(basis).mm(basis.t());
  const Spectrum spectrum = spectrum_of(left, total);
  double held = total - energy_of(left);
  int64_t added = 0;
  for (double energy : spectrum.energies) {
    if (held >= (threshold - kSlack) * total || energy == 0) break;
    held += energy;
    ++added;
  }
  added = std::min(added, basis.size(0) - basis.size(1));
  if (added == 0) return with_share(basis, gram, total);
  // Rounding leaves a trace of span(M) in Û; the QR decomposition takes it out.
  const torch::Tensor joined = torch::cat({basis, spectrum.vectors.narrow(1, 0, added)}, 1);
  return with_share(std::get<0>(torch::linalg_qr(joined)), gram, total);
}

Basis first_basis(const torch::Tensor& gram, double threshold, FirstTaskRule rule) {
  Basis basis = extend_basis(torch::empty({gram.size(0), 0}, gram.options()), gram, threshold);
  if (rule == FirstTaskRule::paper || basis.vectors.size(1) == 0) return basis;
  return with_share(basis.vectors.narrow(1, 0, basis.vectors.size(1) - 1).contiguous(), gram,
                    energy_of(gram));
}

}  // namespace lathe::train::continual
