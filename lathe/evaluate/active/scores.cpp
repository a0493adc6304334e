#include "lathe/evaluate/active/scores.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::active {
namespace {

constexpr double kLeastProbability = 1e-12, kSumTolerance = 1e-3;

const std::vector<std::string> kAcquisitions = {"random",           "entropy",  "bald",          "margin",
                                                "least-confidence", "rms-loss", "expected-loss", "given"};
const std::vector<std::string> kLosses = {"zero-one", "cross-entropy"};

size_t parse(const std::string& what, const std::string& text, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  const auto meant = core::nearest(text, names);
  throw InputError("no {} '{}'; {}there are {}", what, data::excerpt(text),
                   meant ? "did you mean '" + *meant + "'? " : "", fmt::join(names, ", "));
}

// float64 on the CPU, every row a distribution.
at::Tensor checked(const at::Tensor& probabilities, int64_t dimensions) {
  if (!probabilities.defined() || probabilities.dim() != dimensions || !probabilities.is_floating_point() ||
      probabilities.numel() == 0)
    throw InputError("probabilities must be floating point {}, got {}",
                     dimensions == 3 ? "[members, points, classes]" : "[points, classes]",
                     probabilities.defined()
                         ? fmt::format("{} [{}]", c10::toString(probabilities.scalar_type()),
                                       fmt::join(probabilities.sizes(), ", "))
                         : "none");
  const at::Tensor p = probabilities.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  const at::Tensor rows = p.flatten(0, -2);
  const at::Tensor good = (rows.sum(1) - 1).abs().le(kSumTolerance).logical_and(rows.ge(0).all(1));
  if (good.all().item<bool>()) return p;
  const auto row = good.logical_not().nonzero()[0].item<int64_t>();
  throw InputError("row {} of the probabilities (counted from 0) is no distribution: its sum is {}",
                   row % p.size(-2), rows[row].sum().item<double>());
}

at::Tensor entropy_of(const at::Tensor& p) {
  return -torch::xlogy(p, p).sum(-1);
}

at::Tensor top_two(const at::Tensor& p) {
  return std::get<0>(p.topk(std::min<int64_t>(2, p.size(1)), 1));
}

// L(f, y) for every y, [N, C].
at::Tensor loss_table(const at::Tensor& p, Loss loss) {
  if (loss == Loss::kCrossEntropy) return -p.clamp_min(kLeastProbability).log();
  return torch::ones_like(p).scatter(1, p.argmax(1, /*keepdim=*/true), 0.0);
}

at::Tensor expectation(const at::Tensor& believed, const at::Tensor& values) {
  const at::Tensor pi = checked(believed, 2);
  if (values.sizes() != pi.sizes())
    throw InputError("what is believed of the labels must be [{}] as the model's probabilities, got [{}]",
                     fmt::join(values.sizes(), ", "), fmt::join(pi.sizes(), ", "));
  return (pi * values).sum(1);
}

}  // namespace

std::string to_string(Acquisition acquisition) {
  return kAcquisitions[static_cast<size_t>(acquisition)];
}

Acquisition parse_acquisition(const std::string& text) {
  return static_cast<Acquisition>(parse("acquisition", text, kAcquisitions));
}

std::string to_string(Loss loss) {
  return kLosses[static_cast<size_t>(loss)];
}

Loss parse_loss(const std::string& text) {
  return static_cast<Loss>(parse("loss", text, kLosses));
}

at::Tensor entropy(const at::Tensor& probabilities) {
  return entropy_of(checked(probabilities, 2));
}

at::Tensor bald(const at::Tensor& members) {
  const at::Tensor p = checked(members, 3);
  return (entropy_of(p.mean(0)) - entropy_of(p).mean(0)).clamp_min(0);
}

at::Tensor margin(const at::Tensor& probabilities) {
  const at::Tensor two = top_two(checked(probabilities, 2));
  return two.size(1) < 2 ? torch::zeros({two.size(0)}, torch::kFloat64)
                         : 1 - (two.select(1, 0) - two.select(1, 1));
}

at::Tensor least_confidence(const at::Tensor& probabilities) {
  return (1 - checked(probabilities, 2).amax(1)).clamp_min(0);
}

at::Tensor expected_loss(const at::Tensor& probabilities, const at::Tensor& believed, Loss loss) {
  return expectation(believed, loss_table(checked(probabilities, 2), loss));
}

at::Tensor rms_loss(const at::Tensor& probabilities, const at::Tensor& believed, Loss loss) {
  return expectation(believed, loss_table(checked(probabilities, 2), loss).square()).sqrt();
}

at::Tensor score(Acquisition acquisition, const at::Tensor& probabilities, Loss loss) {
  switch (acquisition) {
    case Acquisition::kRandom:
      return torch::ones({checked(probabilities, 2).size(0)}, torch::kFloat64);
    case Acquisition::kEntropy:
      return entropy(probabilities);
    case Acquisition::kMargin:
      return margin(probabilities);
    case Acquisition::kLeastConfidence:
      return least_confidence(probabilities);
    case Acquisition::kRmsLoss:
      return rms_loss(probabilities, probabilities, loss);
    case Acquisition::kExpectedLoss:
      return expected_loss(probabilities, probabilities, loss);
    case Acquisition::kBald:
    case Acquisition::kGiven:
      break;
  }
  throw InputError("acquisition {} cannot be made from one model's probabilities", to_string(acquisition));
}

at::Tensor losses(const at::Tensor& probabilities, const at::Tensor& labels, Loss loss) {
  const at::Tensor p = checked(probabilities, 2);
  if (labels.dim() != 1 || labels.scalar_type() != torch::kInt64 || labels.size(0) != p.size(0))
    throw InputError("labels must be int64 [{}], one a point", p.size(0));
  const at::Tensor y = labels.to(torch::kCPU);
  const at::Tensor outside = y.lt(0).logical_or(y.ge(p.size(1))).nonzero();
  if (outside.numel() > 0)
    throw InputError("label {} (counted from 0) is {}; with {} classes it must be in [0, {}]",
                     outside[0].item<int64_t>(), y[outside[0].item<int64_t>()].item<int64_t>(), p.size(1),
                     p.size(1) - 1);
  return loss_table(p, loss).gather(1, y.unsqueeze(1)).squeeze(1);
}

at::Tensor distance_to(const at::Tensor& inputs, const std::vector<int64_t>& acquired) {
  const at::Tensor x = inputs.detach().to(torch::kCPU, torch::kFloat64).flatten(1);
  const at::Tensor centred = x - x.mean(0);  // the distances stay, the squares do not cancel
  const at::Tensor chosen = centred.index_select(0, torch::tensor(acquired, torch::kInt64));
  return (static_cast<double>(acquired.size()) * centred.pow(2).sum(1) - 2 * centred.mv(chosen.sum(0)) +
          chosen.pow(2).sum())
      .clamp_min(0);
}

std::vector<double> to_vector(const at::Tensor& scores) {
  const at::Tensor flat = scores.to(torch::kCPU, torch::kFloat64).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace lathe::evaluate::active
