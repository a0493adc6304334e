#include "lathe/evaluate/conformal/clusters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lathe/evaluate/conformal/quantile.h"

namespace lathe::evaluate::conformal {
namespace {

using Embedding = std::array<double, 6>;
struct WeightedPoint {
  int64_t label;
  Embedding at;
  double weight;
};

Embedding embed(std::vector<double> scores, double alpha) {
  std::sort(scores.begin(), scores.end());
  const std::array<double, 6> levels = {0.5, 0.6, 0.7, 0.8, 0.9, 1 - alpha};
  Embedding result;
  for (size_t j = 0; j < levels.size(); ++j) {
    const double index = std::ceil(levels[j] * static_cast<double>(scores.size()) - 1e-9) - 1;
    result[j] = scores[static_cast<size_t>(std::max(index, 0.0))];
  }
  return result;
}

double distance(const Embedding& a, const Embedding& b) {
  double sum = 0;
  for (size_t j = 0; j < a.size(); ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

struct Nearest {
  size_t center = 0;
  double distance = std::numeric_limits<double>::infinity();
};
Nearest nearest(const Embedding& point, const std::vector<Embedding>& centers) {
  Nearest best;
  for (size_t c = 0; c < centers.size(); ++c) {
    const double d = distance(point, centers[c]);
    if (d < best.distance) best = {c, d};
  }
  return best;
}

// k-means++ (Arthur & Vassilvitskii 2007): each next centre is drawn by weight times squared distance.
std::vector<Embedding> first_centers(const std::vector<WeightedPoint>& points, size_t count,
                                     core::Random random) {
  std::vector<Embedding> centers;
  while (centers.size() < count) {
    std::vector<double> cumulative;
    double total = 0;
    for (const WeightedPoint& point : points)
      cumulative.push_back(total +=
                           point.weight * (centers.empty() ? 1 : nearest(point.at, centers).distance));
    if (total == 0) break;  // fewer distinct points than centres
    const auto drawn =
        std::upper_bound(cumulative.begin(), cumulative.end(), random.uniform() * total) - cumulative.begin();
    centers.push_back(points[std::min(static_cast<size_t>(drawn), points.size() - 1)].at);
  }
  return centers;
}

void move_centers(const std::vector<WeightedPoint>& points, const std::vector<size_t>& assigned,
                  std::vector<Embedding>& centers) {
  std::vector<Embedding> sums(centers.size(), Embedding{});
  std::vector<double> weights(centers.size());
  for (size_t i = 0; i < points.size(); ++i) {
    weights[assigned[i]] += points[i].weight;
    for (size_t j = 0; j < sums[0].size(); ++j) sums[assigned[i]][j] += points[i].weight * points[i].at[j];
  }
  for (size_t c = 0; c < centers.size(); ++c) {
    if (weights[c] == 0) continue;
    for (size_t j = 0; j < sums[c].size(); ++j) centers[c][j] = sums[c][j] / weights[c];
  }
}

std::vector<size_t> k_means(const std::vector<WeightedPoint>& points, size_t count, core::Seed seed) {
  constexpr int kMaxIterations = 100;
  std::vector<Embedding> centers = first_centers(points, count, seed.random());
  std::vector<size_t> assigned(points.size(), centers.size());
  for (int iteration = 0; iteration < kMaxIterations; ++iteration) {
    std::vector<size_t> next;
    for (const WeightedPoint& point : points) next.push_back(nearest(point.at, centers).center);
    if (next == assigned) break;
    assigned = std::move(next);
    move_centers(points, assigned, centers);
  }
  return assigned;
}

}  // namespace

std::vector<int64_t> cluster_classes(const std::vector<std::vector<double>>& scores_of_class, double alpha,
                                     core::Seed seed) {
  size_t enough = std::numeric_limits<size_t>::max();
  for (const auto& scores : scores_of_class) enough = std::min(enough, scores.size());
  enough = std::max({enough, static_cast<size_t>(smallest_calibration(alpha)), size_t{1}});

  std::vector<WeightedPoint> points;
  for (size_t k = 0; k < scores_of_class.size(); ++k)
    if (scores_of_class[k].size() >= enough)
      points.push_back({static_cast<int64_t>(k), embed(scores_of_class[k], alpha),
                        std::sqrt(static_cast<double>(scores_of_class[k].size()))});
  std::vector<int64_t> cluster_of(scores_of_class.size(), 0);
  if (points.empty()) return cluster_of;
  const std::vector<size_t> assigned =
      k_means(points, std::min(std::max<size_t>(enough / 2, 1), points.size()), seed);
  for (size_t i = 0; i < points.size(); ++i)
    cluster_of[static_cast<size_t>(points[i].label)] = static_cast<int64_t>(assigned[i]) + 1;
  return cluster_of;
}

}  // namespace lathe::evaluate::conformal
