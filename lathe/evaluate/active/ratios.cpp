#include "lathe/evaluate/active/ratios.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/math/special.h"

namespace lathe::evaluate::active {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kNothing = 1e-9;  // of labels that count

void check(const Labelled& points) {
  const size_t n = points.q.size();
  if (points.labels.size() != n || points.predictions.size() != n ||
      (!points.scores.empty() && points.scores.size() != n))
    throw InputError("{} labels and {} predictions for {} steps; each step has one", points.labels.size(),
                     points.predictions.size(), n);
  for (size_t i = 0; i < n; ++i)
    for (int64_t value : {points.labels[i], points.predictions[i]})
      if (value < 0 || value >= points.num_classes)
        throw InputError("step {}: class {} is none of the {} there are", i + 1, value, points.num_classes);
}

double limited(double share) {
  return std::clamp(share, 0.0, 1.0);
}

// Clopper and Pearson's interval of a share from n labels, n any number.
math::Interval share_interval(double share, double n, double confidence) {
  const double k = share * n, tail = (1 - confidence) / 2;
  return {k > kNothing ? math::inverse_incomplete_beta(k, n - k + 1, tail) : 0,
          n - k > kNothing ? math::inverse_incomplete_beta(k + 1, n - k, 1 - tail) : 1};
}

// Mean and error of what has the linear part ψ; `counts` are the effective labels behind it where ψ has no
// spread.
Metric with_error(Metric metric, const std::vector<double>& psi, double counts, const Labelled& points,
                  Estimator estimator, double confidence) {
  const Estimate linear = risk(psi, points.q, points.num_pool, estimator);
  metric.standard_error = linear.standard_error;
  metric.value = limited(metric.value);
  if (static_cast<int64_t>(points.q.size()) == points.num_pool && estimator != Estimator::kPure) {
    metric.interval = {metric.value, metric.value};
    return metric;
  }
  const double spread = metric.value * (1 - metric.value), error = metric.standard_error;
  const double n = error > 0 && spread > 0 ? spread / (error * error) : counts;
  metric.interval =
      share_interval(metric.value, std::min(n, static_cast<double>(points.num_pool)), confidence);
  return metric;
}

// Σ w x / Σ w y; x and y of the labelled point i.
template <typename Value>
Metric ratio(Metric metric, const Labelled& points, Estimator estimator, double confidence,
             const Value& numerator, const Value& denominator) {
  check(points);
  const std::vector<double> w = weights(estimator, points.q, points.num_pool);
  double x = 0, y = 0, squares = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    x += w[i] * numerator(i);
    y += w[i] * denominator(i);
    squares += w[i] * w[i] * denominator(i);
  }
  if (!(y > 0)) {
    metric.value = metric.standard_error = kNan;
    metric.interval = {0, 1};
    return metric;
  }
  metric.value = x / y;
  std::vector<double> psi;
  for (size_t i = 0; i < w.size(); ++i)
    psi.push_back((numerator(i) - metric.value * denominator(i)) * static_cast<double>(w.size()) / y);
  return with_error(metric, psi, y * y / squares, points, estimator, confidence);
}

using Value = std::function<double(size_t)>;

}  // namespace

Metric accuracy(const Labelled& points, Estimator estimator, double confidence) {
  check(points);
  std::vector<double> wrong;
  for (size_t i = 0; i < points.q.size(); ++i) wrong.push_back(points.labels[i] != points.predictions[i]);
  const Estimate estimate = risk(wrong, points.q, points.num_pool, estimator);
  return with_error({.name = "accuracy", .value = 1 - estimate.value}, wrong, estimate.effective_size, points,
                    estimator, confidence);
}

Metric share(const Labelled& points, int64_t of_class, Estimator estimator, double confidence) {
  return ratio<Value>(
      {.name = "share", .of_class = of_class}, points, estimator, confidence,
      [&](size_t i) { return points.labels[i] == of_class; }, [](size_t) { return 1.0; });
}

Metric precision(const Labelled& points, int64_t of_class, Estimator estimator, double confidence) {
  return ratio<Value>(
      {.name = "precision", .of_class = of_class}, points, estimator, confidence,
      [&](size_t i) { return points.labels[i] == of_class && points.predictions[i] == of_class; },
      [&](size_t i) { return points.predictions[i] == of_class; });
}

Metric recall(const Labelled& points, int64_t of_class, Estimator estimator, double confidence) {
  return ratio<Value>(
      {.name = "recall", .of_class = of_class}, points, estimator, confidence,
      [&](size_t i) { return points.labels[i] == of_class && points.predictions[i] == of_class; },
      [&](size_t i) { return points.labels[i] == of_class; });
}

Metric f1(const Labelled& points, int64_t of_class, Estimator estimator, double confidence) {
  return ratio<Value>(
      {.name = "f1", .of_class = of_class}, points, estimator, confidence,
      [&](size_t i) { return points.labels[i] == of_class && points.predictions[i] == of_class; },
      [&](size_t i) { return 0.5 * ((points.labels[i] == of_class) + (points.predictions[i] == of_class)); });
}

Metric auc(const Labelled& points, Estimator estimator, double confidence) {
  check(points);
  Metric metric{.name = "auc"};
  if (points.num_classes != 2 || points.scores.size() != points.q.size())
    throw InputError("AUC wants two classes and a score of class 1 for each point");
  const std::vector<double> w = weights(estimator, points.q, points.num_pool);
  std::vector<size_t> order(w.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return points.scores[a] < points.scores[b]; });
  double total[2] = {0, 0}, squares[2] = {0, 0};
  for (size_t i = 0; i < w.size(); ++i) {
    total[points.labels[i]] += w[i];
    squares[points.labels[i]] += w[i] * w[i];
  }
  if (!(total[0] > 0 && total[1] > 0)) {
    metric.value = metric.standard_error = kNan;
    metric.interval = {0, 1};
    return metric;
  }
  // Of each point, the share of the other class that it is on the right side of.
  std::vector<double> placement(w.size());
  double below[2] = {0, 0};
  for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    double tied[2] = {0, 0};
    for (end = begin; end < order.size() && points.scores[order[end]] == points.scores[order[begin]]; ++end)
      tied[points.labels[order[end]]] += w[order[end]];
    for (size_t k = begin; k < end; ++k) {
      const size_t i = order[k];
      const int64_t other = 1 - points.labels[i];
      const double under = (below[other] + tied[other] / 2) / total[other];
      placement[i] = other == 0 ? under : 1 - under;
    }
    below[0] += tied[0];
    below[1] += tied[1];
  }
  for (size_t i = 0; i < w.size(); ++i)
    if (points.labels[i] == 1) metric.value += w[i] * placement[i] / total[1];
  std::vector<double> psi;
  const auto count = static_cast<double>(w.size());
  for (size_t i = 0; i < w.size(); ++i)
    psi.push_back((placement[i] - metric.value) * count / total[points.labels[i]]);
  const double counts = std::min(total[0] * total[0] / squares[0], total[1] * total[1] / squares[1]);
  return with_error(metric, psi, counts, points, estimator, confidence);
}

std::vector<Metric> all_metrics(const Labelled& points, Estimator estimator, double confidence) {
  std::vector<Metric> metrics = {accuracy(points, estimator, confidence)};
  if (!points.scores.empty()) metrics.push_back(auc(points, estimator, confidence));
  for (int64_t c = 0; c < points.num_classes; ++c)
    for (const auto& metric : {share, precision, recall, f1})
      metrics.push_back(metric(points, c, estimator, confidence));
  return metrics;
}

}  // namespace lathe::evaluate::active
