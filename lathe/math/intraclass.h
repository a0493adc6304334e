#pragma once
#include <cstdint>
#include <vector>

namespace lathe::math {

// How alike the values of one group are: the share of their variance that lies between groups.
//
// One-way random-effects analysis of variance (Fisher 1925; Donner 1986, International Statistical Review 54,
// eq. 2): k groups of n_i values, N in all, mean squares between MSB = sum n_i (mean_i - mean)² / (k - 1) and
// within MSW = sum (x_ij - mean_i)² / (N - k), n0 = (N - sum n_i² / N) / (k - 1):
//   correlation = (MSB - MSW) / (MSB + (n0 - 1) MSW)
// Below 0, down to -1 / (n0 - 1), where groups differ less than chance would have it; NaN where all values
// are equal.
struct Intraclass {
  double correlation = 0;
  double mean_square_between = 0, mean_square_within = 0;
  double group_size = 0;  // n0
  int64_t num_groups = 0, num_values = 0;
};

// groups[i] >= 0 is the group of values[i]; groups without values do not count. Throws InputError for
// different sizes, fewer than two groups, no group of two values, and values that are not finite.
Intraclass intraclass(const std::vector<int32_t>& groups, const std::vector<double>& values);

}  // namespace lathe::math
