#include "lathe/evaluate/gradient_similarity.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::evaluate {

GradientSimilarity::GradientSimilarity(int64_t num_tasks, std::vector<GradientComponent> components)
    : num_tasks_(num_tasks), components_(std::move(components)) {
  if (num_tasks < 2) throw InputError("similarity of gradients needs two tasks or more, got {}", num_tasks);
  if (components_.empty()) throw InputError("similarity of gradients needs a component of the parameters");
  for (const GradientComponent& component : components_)
    if (component.begin < 0 || component.end <= component.begin)
      throw InputError("component '{}' has columns {} to {}", component.name, component.begin, component.end);
  const auto num_components = static_cast<int64_t>(components_.size());
  sums_ = torch::zeros({num_components, num_tasks, num_tasks}, torch::kFloat64);
  negative_ = torch::zeros_like(sums_);
  counts_ = torch::zeros_like(sums_);
}

void GradientSimilarity::observe(const torch::Tensor& gradients) {
  const torch::NoGradGuard no_grad;
  if (gradients.dim() != 2 || gradients.size(0) != num_tasks_ || !gradients.is_floating_point())
    throw InputError("the gradients of {} tasks must be a floating-point matrix, one row a task", num_tasks_);
  ++observations_;
  for (size_t k = 0; k < components_.size(); ++k) {
    const GradientComponent& component = components_[k];
    if (component.end > gradients.size(1))
      throw InputError("component '{}' ends at column {} of {}", component.name, component.end,
                       gradients.size(1));
    const torch::Tensor part = gradients.slice(1, component.begin, component.end);
    const torch::Tensor gram = part.mm(part.t()).to(torch::kCPU, torch::kFloat64);
    const torch::Tensor norms = gram.diagonal().sqrt();
    const torch::Tensor cosine = gram / torch::outer(norms, norms);
    const torch::Tensor defined = cosine.isfinite();
    const auto row = static_cast<int64_t>(k);
    sums_[row] += cosine.masked_fill(defined.logical_not(), 0);
    negative_[row] += cosine.lt(0);
    counts_[row] += defined;
  }
}

SimilarityReport GradientSimilarity::report() const {
  SimilarityReport report{.components = {}, .observations = observations_, .cosine = sums_ / counts_};
  const torch::Tensor pairs = torch::ones({num_tasks_, num_tasks_}, torch::kFloat64).triu(1);
  for (size_t k = 0; k < components_.size(); ++k) {
    const auto row = static_cast<int64_t>(k);
    const double count = (counts_[row] * pairs).sum().item<double>();
    report.components.push_back(components_[k].name);
    report.negative.push_back(count > 0 ? (negative_[row] * pairs).sum().item<double>() / count : 0);
  }
  return report;
}

math::Correlation closeness(const torch::Tensor& cosine, const torch::Tensor& distance) {
  if (cosine.dim() != 2 || cosine.size(0) != cosine.size(1) || distance.sizes() != cosine.sizes())
    throw InputError("similarities and distances of tasks must be square matrices of one size");
  std::vector<double> similarities, closenesses;
  for (int64_t i = 0; i < cosine.size(0); ++i)
    for (int64_t j = i + 1; j < cosine.size(0); ++j) {
      similarities.push_back(cosine[i][j].item<double>());
      closenesses.push_back(-distance[i][j].item<double>());
    }
  return math::spearman(similarities, closenesses);
}

}  // namespace lathe::evaluate
