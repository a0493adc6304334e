#include "lathe/evaluate/calibration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lathe/core/error.h"
#include "lathe/evaluate/softmax_row.h"
#include "lathe/math/lbfgs.h"
#include "lathe/math/roots.h"

namespace lathe::evaluate {
namespace {

Confidence confidence_of(const double* logits, int64_t num_classes, int64_t target, int64_t row) {
  const int64_t prediction = std::max_element(logits, logits + num_classes) - logits;
  double normalizer = 0;
  for (int64_t k = 0; k < num_classes; ++k) normalizer += std::exp(logits[k] - logits[prediction]);
  if (!std::isfinite(normalizer)) fail_no_distribution(row);
  return {1 / normalizer, prediction == target};
}

std::vector<Confidence> confidences_of(const at::Tensor& logits, const at::Tensor& targets) {
  const LogitRows view(logits);
  const at::Tensor truth = checked_labels(targets, view);
  const at::Tensor rows = logits.to(torch::kCPU, torch::kFloat64).contiguous();
  std::vector<Confidence> confidences(static_cast<size_t>(view.size()));
  for_each_chunk(view.size(), [&](int64_t begin, int64_t end, int64_t) {
    for (int64_t i = begin; i < end; ++i)
      confidences[static_cast<size_t>(i)] =
          confidence_of(rows.data_ptr<double>() + i * view.num_classes(), view.num_classes(),
                        truth.data_ptr<int64_t>()[i], i);
  });
  return confidences;
}

// Means over the examples of NLL's derivatives with respect to ln T.
math::ValueAndSlope nll_slope(const LogitRows& logits, const int64_t* targets, double log_temperature) {
  const double beta = std::exp(-log_temperature);
  const int64_t num_classes = logits.num_classes();
  std::vector<math::ValueAndSlope> parts(static_cast<size_t>(num_chunks(logits.size())));
  for_each_chunk(logits.size(), [&](int64_t begin, int64_t end, int64_t chunk) {
    std::vector<float> scratch, weights(static_cast<size_t>(num_classes));
    math::ValueAndSlope& part = parts[static_cast<size_t>(chunk)];
    for (int64_t i = begin; i < end; ++i) {
      const float* z = logits.row(i, scratch);
      const RowMaximum maximum = row_maximum(z, num_classes);
      if (!maximum.distribution) fail_no_distribution(logits.example(i));
      const float target = z[targets[logits.example(i)]];
      if (std::isinf(target)) continue;  // its NLL is infinite at every temperature
      const double sum =
          softmax_weights(z, num_classes, maximum.value, static_cast<float>(beta), weights.data());
      const WeightedMoments moments = weighted_moments(z, weights.data(), num_classes, maximum.value);
      const double mean = moments.first / sum;
      const double slope = beta * (static_cast<double>(target) - maximum.value - mean);
      part.value += slope;
      part.slope += beta * beta * (moments.second / sum - mean * mean) - slope;
    }
  });
  math::ValueAndSlope total;
  for (const auto& part : parts) {
    total.value += part.value;
    total.slope += part.slope;
  }
  const auto n = static_cast<double>(logits.size());
  return {total.value / n, total.slope / n};
}

struct Sigmoid {
  double a = 0, b = 0;  // P = 1 / (1 + exp(a f + b))
};

double sigmoid_nll(const Sigmoid& at, const std::vector<double>& f, const std::vector<double>& goals) {
  double nll = 0;
  for (size_t i = 0; i < f.size(); ++i) {
    const double x = at.a * f[i] + at.b;
    nll += goals[i] * x + std::max(-x, 0.0) + std::log1p(std::exp(-std::abs(x)));
  }
  return nll;
}

// Newton's direction; H + 10⁻¹² I is invertible (Lin et al., §3).
struct NewtonStep {
  Sigmoid direction;
  double slope = 0;  // along it, negative
  double gradient = 0;
};

NewtonStep newton_step(const Sigmoid& at, const std::vector<double>& f, const std::vector<double>& goals) {
  double ga = 0, gb = 0, haa = 1e-12, hbb = 1e-12, hab = 0;
  for (size_t i = 0; i < f.size(); ++i) {
    const double p = 1 / (1 + std::exp(at.a * f[i] + at.b)), curvature = p * (1 - p);
    ga += f[i] * (goals[i] - p);
    gb += goals[i] - p;
    haa += f[i] * f[i] * curvature;
    hab += f[i] * curvature;
    hbb += curvature;
  }
  const double determinant = haa * hbb - hab * hab;
  const Sigmoid d = {-(hbb * ga - hab * gb) / determinant, -(haa * gb - hab * ga) / determinant};
  return {d, ga * d.a + gb * d.b, std::max(std::abs(ga), std::abs(gb))};
}

Sigmoid fit_sigmoid(const std::vector<double>& f, const std::vector<double>& goals, Sigmoid at) {
  constexpr int kMaxIterations = 100;
  double nll = sigmoid_nll(at, f, goals);
  for (int i = 0; i < kMaxIterations; ++i) {
    const NewtonStep step = newton_step(at, f, goals);
    if (step.gradient < 1e-9 * static_cast<double>(f.size())) return at;
    double length = 1;
    for (; length >= 1e-10; length /= 2) {
      const Sigmoid next = {at.a + length * step.direction.a, at.b + length * step.direction.b};
      const double value = sigmoid_nll(next, f, goals);
      if (value > nll + 1e-4 * length * step.slope) continue;
      at = next;
      nll = value;
      break;
    }
    if (length < 1e-10) return at;  // rounding hides any further decrease
  }
  return at;
}

void check_scaling(const Scaling& scaling) {
  const size_t w = scaling.weights.size(), b = scaling.biases.size();
  if (w == 0 || (b != 0 && w != 1 && w != b))
    throw InputError(
        "a scaling must have one weight or one a class, and no bias or one a class, got {} and {}", w, b);
}

}  // namespace

std::vector<ReliabilityBin> reliability_curve(const std::vector<Confidence>& confidences, int64_t num_bins) {
  if (num_bins < 1) throw InputError("num_bins must be at least 1, got {}", num_bins);
  std::vector<ReliabilityBin> curve(static_cast<size_t>(num_bins));
  for (const Confidence& c : confidences) {
    const auto bin = static_cast<int64_t>(std::ceil(c.value * static_cast<double>(num_bins))) - 1;
    ReliabilityBin& of = curve[static_cast<size_t>(std::clamp<int64_t>(bin, 0, num_bins - 1))];
    ++of.count;
    of.confidence += c.value;
    of.accuracy += c.hit;
  }
  for (ReliabilityBin& bin : curve) {
    if (bin.count == 0) continue;
    bin.confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  return curve;
}

std::vector<ReliabilityBin> reliability_curve(const at::Tensor& logits, const at::Tensor& targets,
                                              int64_t num_bins) {
  return reliability_curve(confidences_of(logits, targets), num_bins);
}

double expected_calibration_error(const std::vector<ReliabilityBin>& curve) {
  double sum = 0;
  int64_t count = 0;
  for (const ReliabilityBin& bin : curve) {
    sum += static_cast<double>(bin.count) * std::abs(bin.accuracy - bin.confidence);
    count += bin.count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

double expected_calibration_error(const at::Tensor& logits, const at::Tensor& targets, int64_t num_bins) {
  return expected_calibration_error(reliability_curve(logits, targets, num_bins));
}

at::Tensor apply(const Scaling& scaling, const at::Tensor& logits) {
  check_scaling(scaling);
  const auto fits = [&](size_t size) { return size <= 1 || static_cast<int64_t>(size) == logits.size(-1); };
  if (!fits(scaling.weights.size()) || !fits(scaling.biases.size()))
    throw InputError("the scaling is for {} classes, the logits have {}",
                     std::max(scaling.weights.size(), scaling.biases.size()), logits.size(-1));
  const auto like = [&](const std::vector<double>& values) {
    return torch::tensor(values, torch::kFloat64).to(logits.options());
  };
  at::Tensor scaled = logits * like(scaling.weights);
  return scaling.biases.empty() ? scaled : scaled + like(scaling.biases);
}

nlohmann::json to_json(const Scaling& scaling) {
  return {{"weights", scaling.weights}, {"biases", scaling.biases}};
}

Scaling scaling_from_json(const nlohmann::json& json) {
  const auto numbers = [&](const char* key) {
    const auto list = json.is_object() ? json.find(key) : json.end();
    if (!json.is_object() || list == json.end() || !list->is_array() ||
        !std::all_of(list->begin(), list->end(), [](const auto& x) { return x.is_number(); }))
      throw InputError("a scaling must have {}, an array of numbers", key);
    return list->get<std::vector<double>>();
  };
  Scaling scaling{numbers("weights"), numbers("biases")};
  check_scaling(scaling);
  return scaling;
}

double fit_temperature(const LogitRows& logits, const at::Tensor& targets) {
  const double kEnd = std::log(1e3);
  const at::Tensor labels = checked_labels(targets, logits);
  const auto slope = [&](double log_temperature) {
    return nll_slope(logits, labels.data_ptr<int64_t>(), log_temperature);
  };
  if (!(slope(-kEnd).value < 0 && slope(kEnd).value > 0)) return 1;
  const math::Root root = math::find_root(slope, -kEnd, kEnd, {.tolerance = 1e-8});
  if (!root.converged) throw Error("the temperature did not converge: dNLL/d ln T = {:.3g}", root.value);
  return std::exp(root.x);
}

Scaling temperature_scaling(const at::Tensor& logits, const at::Tensor& targets) {
  return {{1 / fit_temperature(LogitRows(logits), targets)}};
}

Scaling platt_scaling(const at::Tensor& logits, const at::Tensor& targets) {
  const LogitRows view(logits);
  const at::Tensor labels = checked_labels(targets, view);
  if (view.num_classes() != 2)
    throw InputError("Platt scaling is for two classes, got {}", view.num_classes());
  const at::Tensor margin =
      logits.detach().to(torch::kCPU, torch::kFloat64).diff(1, 1).reshape({-1}).contiguous();
  const std::vector<double> f(margin.data_ptr<double>(), margin.data_ptr<double>() + margin.numel());
  const auto bad = std::find_if(f.begin(), f.end(), [](double x) { return !std::isfinite(x); });
  if (bad != f.end())
    throw InputError("row {} of the logits (counted from 0) is not finite", bad - f.begin());
  const auto positives = labels.sum().item<double>(), negatives = static_cast<double>(f.size()) - positives;
  const double goal_of[2] = {1 / (negatives + 2), (positives + 1) / (positives + 2)};
  std::vector<double> goals(f.size());
  for (size_t i = 0; i < f.size(); ++i) goals[i] = goal_of[labels.data_ptr<int64_t>()[i]];
  const Sigmoid fitted = fit_sigmoid(f, goals, {0, std::log((negatives + 1) / (positives + 1))});
  return {{-fitted.a}, {0, -fitted.b}};
}

Scaling vector_scaling(const at::Tensor& logits, const at::Tensor& targets) {
  const LogitRows view(logits);
  const at::Tensor labels = checked_labels(targets, view).unsqueeze(1);
  const int64_t num_classes = view.num_classes();
  const at::Tensor z = logits.detach().to(torch::kCPU, torch::kFloat64);
  if (!z.isfinite().all().item<bool>()) throw InputError("vector scaling needs finite logits");
  const auto n = static_cast<double>(view.size());
  const auto values = [](const at::Tensor& x) {
    return Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(x.data_ptr<double>(), x.numel()));
  };
  const math::Objective objective = [&](const Eigen::VectorXd& x) {
    const at::Tensor point =
        torch::from_blob(const_cast<double*>(x.data()), {2, num_classes}, torch::kFloat64);
    const at::Tensor log_p = (z * point[0] + point[1]).log_softmax(1);
    const at::Tensor error =
        log_p.exp().scatter_add(1, labels, torch::full_like(labels, -1, torch::kFloat64));
    const at::Tensor gradient = torch::stack({(error * z).sum(0), error.sum(0)}).div(n).contiguous();
    return math::ValueAndGradient{-log_p.gather(1, labels).sum().item<double>() / n, values(gradient)};
  };
  Eigen::VectorXd start = Eigen::VectorXd::Zero(2 * num_classes);
  start.head(num_classes).setOnes();
  const Eigen::VectorXd point = math::lbfgs(objective, start).point;
  const double* x = point.data();
  return {{x, x + num_classes}, {x + num_classes, x + 2 * num_classes}};
}

}  // namespace lathe::evaluate
