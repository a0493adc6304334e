#pragma once
#include <vector>

namespace lathe::math {

struct Correlation {
  double value = 0;    // in [-1, 1]
  double p_value = 1;  // two-sided, of no association
};

// Ranks from 1; equal values share the mean of their ranks. Throws InputError for values that are not finite.
std::vector<double> ranks(const std::vector<double>& values);

// Both throw InputError for fewer than three pairs, different sizes, values that are not finite, and a sample
// whose values are all equal (the correlation is 0/0).

// Spearman's rho: Pearson's correlation of the ranks. The p-value is that of t = rho sqrt((n-2) / (1-rho²))
// with n-2 degrees of freedom, rough below ten pairs.
Correlation spearman(const std::vector<double>& x, const std::vector<double>& y);

// Kendall's tau-b = (concordant - discordant) / sqrt((pairs - tied in x)(pairs - tied in y)), in O(n log n)
// by Knight (1966). The p-value is exact for up to 50 pairs without ties, else normal with the variance for
// ties of Kendall (1970, §4.4).
Correlation kendall(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace lathe::math
