#pragma once
#include <functional>
#include <vector>

#include "lathe/math/hypothesis.h"

namespace lathe::math {

// Kolmogorov and Smirnov's tests; the statistic is the largest distance D between two distribution functions,
// the p-value P(D >= observed). Both throw InputError for an empty sample and values that are not finite.

// Two samples of sizes n and m from one distribution? Ties are allowed: the p-value is that of all ways to
// split the pooled sample, exact for n m <= 10^6 by counting lattice paths (Hodges 1958), else Kolmogorov's
// limit.
TestResult kolmogorov_smirnov_test(const std::vector<double>& x, const std::vector<double>& y);

// One sample from the continuous distribution function `cdf`? Up to 1000 values the p-value is exact
// (Marsaglia, Tsang & Wang 2003, doi:10.18637/jss.v008.i18) or, where n D² >= 2.5, twice Smirnov's one-sided
// probability, whose relative error there is below 1e-6; beyond 1000 values it is Kolmogorov's limit with
// Vrbik's (2018) correction of D sqrt(n) by 1/(6 sqrt(n)) + (D sqrt(n) - 1)/4n. Throws InputError when cdf
// leaves [0, 1].
TestResult kolmogorov_smirnov_test(const std::vector<double>& x, const std::function<double(double)>& cdf);

}  // namespace lathe::math
