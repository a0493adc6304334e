#include "lathe/evaluate/active/weight_tree.h"

namespace lathe::evaluate::active {

WeightTree::WeightTree(const std::vector<double>& weights) : leaves_(1) {
  while (leaves_ < static_cast<int64_t>(weights.size())) leaves_ *= 2;
  sums_.assign(static_cast<size_t>(2 * leaves_), 0);
  std::copy(weights.begin(), weights.end(), sums_.begin() + leaves_);
  for (auto node = static_cast<size_t>(leaves_); node-- > 1;)
    sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
}

void WeightTree::remove(int64_t i) {
  auto node = static_cast<size_t>(leaves_ + i);
  sums_[node] = 0;
  while (node > 1) {
    node /= 2;
    sums_[node] = sums_[2 * node] + sums_[2 * node + 1];
  }
}

int64_t WeightTree::find(double u) const {
  double rest = u * total();
  size_t node = 1;
  while (node < static_cast<size_t>(leaves_)) {
    const double left = sums_[2 * node], right = sums_[2 * node + 1];
    // A rounded rest may be beyond all that is there: a side without weight is never entered.
    const bool goes_right = left == 0 || (right > 0 && rest >= left);
    if (goes_right) rest -= left;
    node = 2 * node + goes_right;
  }
  return static_cast<int64_t>(node) - leaves_;
}

}  // namespace lathe::evaluate::active
