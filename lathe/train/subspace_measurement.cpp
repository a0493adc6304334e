#include "lathe/train/subspace_measurement.h"

#include <torch/torch.h>

#include "lathe/evaluate/calibration.h"
#include "lathe/evaluate/classification.h"
#include "lathe/nn/batch_norm.h"

namespace lathe::train {
namespace {

constexpr int64_t kBatchNormExamples = 5000;
constexpr int64_t kBins = 20;

using Point = std::vector<double>;

// The networks that belong together at a position.
std::vector<Point> members(const SubspaceOptions& options, double position) {
  if (options.kind == SubspaceKind::line) return {line_point(position), line_point(1 - position)};
  if (options.kind == SubspaceKind::curve) return {curve_point(position), curve_point(1 - position)};
  const auto n = static_cast<size_t>(options.endpoints);
  std::vector<Point> points(n, Point(n, n > 1 ? (1 - position) / static_cast<double>(n - 1) : 1));
  for (size_t i = 0; i < n; ++i) points[i][i] = n > 1 ? position : 1;
  return points;
}

double share(const torch::Tensor& flags) {
  return flags.to(torch::kFloat64).mean().item<double>();
}

}  // namespace

SubspaceMember measure(const std::string& name, const torch::Tensor& probabilities,
                       const torch::Tensor& targets) {
  const torch::Tensor logits = probabilities.log();
  const auto metrics = evaluate::classification_metrics(logits, targets);
  return {name, metrics.accuracy, metrics.nll, evaluate::expected_calibration_error(logits, targets, kBins)};
}

SubspaceMeasurement::SubspaceMeasurement(Subspace& subspace, const torch::Tensor& training_inputs,
                                         const data::Dataset& examples)
    : subspace_(subspace),
      training_inputs_(training_inputs.slice(0, 0, kBatchNormExamples)),
      examples_(examples) {}

std::shared_ptr<nn::Classifier> SubspaceMeasurement::network(const Point& coefficients) {
  return std::dynamic_pointer_cast<nn::Classifier>(
      subspace_.point(coefficients, [this](torch::nn::Module& module) {
        nn::recompute_batch_norm(dynamic_cast<nn::Model&>(module), training_inputs_);
      }));
}

const torch::Tensor& SubspaceMeasurement::probabilities(const Point& coefficients) {
  torch::Tensor& known = known_[coefficients];
  if (!known.defined())
    known = nn::predict(*network(coefficients), examples_.inputs).to(torch::kFloat64).softmax(1);
  return known;
}

SubspaceMember SubspaceMeasurement::member(const std::string& name, const Point& coefficients) {
  return measure(name, probabilities(coefficients), examples_.targets);
}

// A network's log-probabilities are its logits but for a number per example, which softmax takes out again.
SubspaceMember SubspaceMeasurement::ensemble(const std::string& name, const std::vector<Point>& points,
                                             EnsembleMean mean) {
  const bool of_logits = mean == EnsembleMean::logits;
  torch::Tensor sum = torch::zeros_like(probabilities(points.at(0)));
  for (const Point& point : points) sum += of_logits ? probabilities(point).log() : probabilities(point);
  sum /= static_cast<double>(points.size());
  return measure(name, of_logits ? sum.softmax(1) : sum, examples_.targets);
}

SubspaceProfile SubspaceMeasurement::profile(int64_t points) {
  const SubspaceOptions& options = subspace_.options();
  const double first =
      options.kind == SubspaceKind::simplex ? 1.0 / static_cast<double>(options.endpoints) : 0;
  SubspaceProfile profile{.kind = to_string(options.kind)};
  for (int64_t i = 0; i < points; ++i) {
    const double position = first + (1 - first) * static_cast<double>(i) / static_cast<double>(points - 1);
    const std::vector<Point> together = members(options, position);
    const size_t count = options.kind == SubspaceKind::simplex ? together.size() : 1;
    double accuracy = 0, ece = 0;
    for (size_t k = 0; k < count; ++k) {
      const SubspaceMember one = member("", together[k]);
      accuracy += one.accuracy / static_cast<double>(count);
      ece += one.ece / static_cast<double>(count);
    }
    profile.position.push_back(position);
    profile.accuracy.push_back(accuracy);
    profile.ece.push_back(ece);
    profile.ensemble_accuracy.push_back(ensemble("", together).accuracy);
    profile.disagreement.push_back(
        together.size() < 2
            ? 0
            : share(probabilities(together[0]).argmax(1).ne(probabilities(together[1]).argmax(1))));
  }
  return profile;
}

nlohmann::json to_json(const SubspaceProfile& p) {
  return {{"kind", p.kind},
          {"position", p.position},
          {"accuracy", p.accuracy},
          {"ensemble_accuracy", p.ensemble_accuracy},
          {"disagreement", p.disagreement},
          {"ece", p.ece}};
}

}  // namespace lathe::train
