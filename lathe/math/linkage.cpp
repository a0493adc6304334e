#include "lathe/math/linkage.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"

namespace lathe::math {

std::vector<Merge> average_linkage(const std::vector<std::vector<double>>& distance) {
  const size_t n = distance.size();
  for (const auto& row : distance) {
    if (row.size() != n) throw InputError("distances must be a square, got a row of {} of {}", row.size(), n);
    for (double value : row)
      if (!std::isfinite(value)) throw InputError("distances must be finite, got {}", value);
  }
  struct Cluster {
    size_t number;
    std::vector<size_t> items;
  };
  std::vector<Cluster> clusters;
  for (size_t i = 0; i < n; ++i) clusters.push_back({i, {i}});
  const auto mean_distance = [&](const Cluster& a, const Cluster& b) {
    double sum = 0;
    for (size_t i : a.items)
      for (size_t j : b.items) sum += distance[i][j];
    return sum / static_cast<double>(a.items.size() * b.items.size());
  };
  std::vector<Merge> merges;
  while (clusters.size() > 1) {
    size_t first = 0, second = 1;
    double least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < clusters.size(); ++i)
      for (size_t j = i + 1; j < clusters.size(); ++j)
        if (const double d = mean_distance(clusters[i], clusters[j]); d < least) {
          least = d;
          first = i;
          second = j;
        }
    Cluster &a = clusters[first], &b = clusters[second];
    merges.push_back({std::min(a.number, b.number), std::max(a.number, b.number), least});
    a.items.insert(a.items.end(), b.items.begin(), b.items.end());
    a.number = n + merges.size() - 1;
    clusters.erase(clusters.begin() + static_cast<std::ptrdiff_t>(second));
  }
  return merges;
}

std::vector<size_t> leaf_order(const std::vector<Merge>& merges) {
  const size_t n = merges.size() + 1;
  std::vector<size_t> order, open = {2 * n - 2};
  while (!open.empty()) {
    const size_t cluster = open.back();
    open.pop_back();
    if (cluster < n) {
      order.push_back(cluster);
      continue;
    }
    const Merge& merge = merges[cluster - n];
    open.push_back(merge.b);
    open.push_back(merge.a);
  }
  return order;
}

}  // namespace lathe::math
