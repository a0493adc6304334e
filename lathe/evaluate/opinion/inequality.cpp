#include "lathe/evaluate/opinion/inequality.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lathe::evaluate::opinion {
namespace {

struct Moments {
  double weight = 0, sum = 0, squares = 0;
  double mean() const { return sum / weight; }
};

// People of some weight, from the smallest benefit to the largest.
std::vector<size_t> ascending(const std::vector<double>& benefits, const std::vector<double>& weights) {
  std::vector<size_t> order;
  for (size_t i = 0; i < benefits.size(); ++i)
    if (weights[i] > 0) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return benefits[a] < benefits[b]; });
  return order;
}

}  // namespace

GeneralisedEntropy generalised_entropy(const std::vector<double>& benefits,
                                       const std::vector<int32_t>& groups,
                                       const std::vector<double>& weights) {
  Moments all;
  std::vector<Moments> of_group;
  for (size_t i = 0; i < benefits.size(); ++i) {
    const auto group = static_cast<size_t>(groups[i]);
    if (group >= of_group.size()) of_group.resize(group + 1);
    for (Moments* moments : {&all, &of_group[group]}) {
      moments->weight += weights[i];
      moments->sum += weights[i] * benefits[i];
      moments->squares += weights[i] * benefits[i] * benefits[i];
    }
  }
  if (all.weight == 0) return {std::nan(""), std::nan(""), std::nan("")};
  if (all.sum == 0) return {};
  const double scale = 2 * all.weight * all.mean() * all.mean();
  GeneralisedEntropy result{all.squares / scale - 0.5, -0.5, 0};
  for (const Moments& moments : of_group) {
    if (moments.weight == 0) continue;
    result.between += moments.sum * moments.mean() / scale;
    result.within += (moments.squares - moments.sum * moments.mean()) / scale;
  }
  return result;
}

double gini(const std::vector<double>& benefits, const std::vector<double>& weights) {
  double before = 0, sum = 0, area = 0;  // Σ w (2 W_before + w) b
  for (const size_t i : ascending(benefits, weights)) {
    area += weights[i] * (2 * before + weights[i]) * benefits[i];
    before += weights[i];
    sum += weights[i] * benefits[i];
  }
  if (before == 0) return std::nan("");
  return sum == 0 ? 0 : area / (before * sum) - 1;
}

double worst_mean(const std::vector<double>& benefits, const std::vector<double>& weights, double share) {
  const double wanted = share * std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0, taken = 0;
  for (const size_t i : ascending(benefits, weights)) {
    const double weight = std::min(weights[i], wanted - taken);
    if (weight <= 0) break;
    sum += weight * benefits[i];
    taken += weight;
  }
  return sum / taken;
}

}  // namespace lathe::evaluate::opinion
