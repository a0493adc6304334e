#pragma once
#include <cstdint>
#include <vector>

namespace lathe::evaluate::active {

// Weights of n points in a binary tree of sums: one is found by its share of the total, or taken away, in
// O(log n). Every inner sum is that of its two children as they are, so a tree depends on its present weights
// alone, to the last bit, whatever was taken before.
class WeightTree {
 public:
  explicit WeightTree(const std::vector<double>& weights);  // finite and not negative
  double total() const { return sums_[1]; }
  double weight(int64_t i) const { return sums_[static_cast<size_t>(leaves_ + i)]; }
  void remove(int64_t i);  // its weight becomes 0
  // The first point whose weights up to and including itself exceed `u` · total, u in [0, 1); one whose
  // weight is not 0. total() > 0.
  int64_t find(double u) const;

 private:
  int64_t leaves_;
  std::vector<double> sums_;  // a node's children are at 2i and 2i + 1, the root is at 1
};

}  // namespace lathe::evaluate::active
