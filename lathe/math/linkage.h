#pragma once
#include <cstddef>
#include <vector>

namespace lathe::math {

// One step of agglomerative clustering: clusters a < b become one. Items are clusters 0 … n−1, the i-th merge
// makes cluster n + i.
struct Merge {
  size_t a = 0, b = 0;
  double distance = 0;
};

// Average linkage (UPGMA; Sokal & Michener 1958): the two clusters whose members are the least mean distance
// apart are joined, until one is left; of equal ones the first. distance: n × n, symmetric, n ≥ 1. O(n³).
// Throws InputError for what is not a square, or not finite.
std::vector<Merge> average_linkage(const std::vector<std::vector<double>>& distance);

// The items in the order in which a dendrogram has its leaves: what was joined lies side by side.
std::vector<size_t> leaf_order(const std::vector<Merge>& merges);

}  // namespace lathe::math
