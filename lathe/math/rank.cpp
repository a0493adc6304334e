#include "lathe/math/rank.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/math/checks.h"
#include "lathe/math/special.h"

namespace lathe::math {
namespace {

constexpr int64_t kExactKendall = 50;  // its distribution costs n³

void check(const char* where, const std::vector<double>& x, const std::vector<double>& y) {
  check_pairs(where, x, y, 3);
  for (const std::vector<double>* sample : {&x, &y})
    if (std::all_of(sample->begin(), sample->end(), [&](double value) { return value == sample->front(); }))
      throw InputError("{}: all values of a sample are {}, so it has no order", where, sample->front());
}

std::vector<size_t> sorted_order(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  return order;
}

// What tied groups of t values take away: the pairs within them and the terms of the variance.
struct Ties {
  double pairs = 0;     // sum t(t-1)/2
  double second = 0;    // sum t(t-1)(t-2)
  double variance = 0;  // sum t(t-1)(2t+5)
};

// Groups of neighbours for which `same` holds.
template <typename Same>
Ties count_ties(size_t n, const Same& same) {
  Ties ties;
  for (size_t begin = 0, end; begin < n; begin = end) {
    for (end = begin + 1; end < n && same(end - 1, end); ++end) {
    }
    const auto t = static_cast<double>(end - begin);
    ties.pairs += t * (t - 1) / 2;
    ties.second += t * (t - 1) * (t - 2);
    ties.variance += t * (t - 1) * (2 * t + 5);
  }
  return ties;
}

// Pairs out of order, counted while merging; sorts `values`.
int64_t sort_and_count_inversions(std::vector<double>& values) {
  const size_t n = values.size();
  std::vector<double> merged(n);
  int64_t inversions = 0;
  for (size_t width = 1; width < n; width *= 2) {
    for (size_t begin = 0; begin < n; begin += 2 * width) {
      const size_t middle = std::min(n, begin + width), end = std::min(n, begin + 2 * width);
      size_t left = begin, right = middle;
      for (size_t out = begin; out < end; ++out) {
        if (right == end || (left < middle && values[left] <= values[right])) {
          merged[out] = values[left++];
        } else {
          inversions += static_cast<int64_t>(middle - left);
          merged[out] = values[right++];
        }
      }
    }
    values.swap(merged);
  }
  return inversions;
}

// Two-sided: the share of permutations of n with at most this many inversions, or as few of the opposite
// kind.
double exact_kendall_p(int64_t n, int64_t inversions) {
  const int64_t pairs = n * (n - 1) / 2;
  std::vector<double> share = {1};  // by number of inversions; element i of a permutation adds 0 .. i of them
  for (int64_t i = 1; i < n; ++i) {
    std::vector<double> next(share.size() + static_cast<size_t>(i), 0.0);
    double window = 0;
    for (size_t k = 0; k < next.size(); ++k) {
      if (k < share.size()) window += share[k];
      if (k > static_cast<size_t>(i)) window -= share[k - static_cast<size_t>(i) - 1];
      next[k] = window / static_cast<double>(i + 1);
    }
    share.swap(next);
  }
  const int64_t fewest = std::min(inversions, pairs - inversions);
  return std::min(1.0, 2 * std::accumulate(share.begin(), share.begin() + fewest + 1, 0.0));
}

}  // namespace

std::vector<double> ranks(const std::vector<double>& values) {
  check_finite("ranks", values);
  const std::vector<size_t> order = sorted_order(values);
  std::vector<double> result(values.size());
  for (size_t begin = 0, end; begin < order.size(); begin = end) {
    for (end = begin + 1; end < order.size() && values[order[end]] == values[order[begin]]; ++end) {
    }
    for (size_t i = begin; i < end; ++i) result[order[i]] = static_cast<double>(begin + 1 + end) / 2;
  }
  return result;
}

Correlation spearman(const std::vector<double>& x, const std::vector<double>& y) {
  check("spearman", x, y);
  const std::vector<double> rank_x = ranks(x), rank_y = ranks(y);
  const auto n = static_cast<double>(x.size());
  const double mean = (n + 1) / 2;
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (rank_x[i] - mean) * (rank_x[i] - mean);
    yy += (rank_y[i] - mean) * (rank_y[i] - mean);
    xy += (rank_x[i] - mean) * (rank_y[i] - mean);
  }
  const double rho = std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
  const double t = std::abs(rho) * std::sqrt((n - 2) / ((1 - rho) * (1 + rho)));
  return {.value = rho, .p_value = 2 * student_t_cdf(-t, n - 2)};
}

Correlation kendall(const std::vector<double>& x, const std::vector<double>& y) {
  check("kendall", x, y);
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return x[a] < x[b] || (x[a] == x[b] && y[a] < y[b]); });
  const auto same_x = [&](size_t i, size_t j) { return x[order[i]] == x[order[j]]; };
  const Ties ties_x = count_ties(x.size(), same_x);
  const Ties ties_both =
      count_ties(x.size(), [&](size_t i, size_t j) { return same_x(i, j) && y[order[i]] == y[order[j]]; });
  std::vector<double> by_x(x.size());
  for (size_t i = 0; i < x.size(); ++i) by_x[i] = y[order[i]];
  const int64_t discordant = sort_and_count_inversions(by_x);
  const Ties ties_y = count_ties(by_x.size(), [&](size_t i, size_t j) { return by_x[i] == by_x[j]; });

  const auto n = static_cast<double>(x.size());
  const double pairs = n * (n - 1) / 2;
  const double score =
      pairs - ties_x.pairs - ties_y.pairs + ties_both.pairs - 2 * static_cast<double>(discordant);
  const double tau =
      std::clamp(score / std::sqrt(pairs - ties_x.pairs) / std::sqrt(pairs - ties_y.pairs), -1.0, 1.0);
  if (ties_x.pairs == 0 && ties_y.pairs == 0 && static_cast<int64_t>(x.size()) <= kExactKendall)
    return {.value = tau, .p_value = exact_kendall_p(static_cast<int64_t>(x.size()), discordant)};
  const double variance = (n * (n - 1) * (2 * n + 5) - ties_x.variance - ties_y.variance) / 18 +
                          ties_x.pairs * ties_y.pairs * 2 / (n * (n - 1)) +
                          ties_x.second * ties_y.second / (9 * n * (n - 1) * (n - 2));
  return {.value = tau, .p_value = 2 * normal_cdf(-std::abs(score) / std::sqrt(variance))};
}

}  // namespace lathe::math
