#pragma once
#include <cstdint>

namespace lathe::math {

struct Interval {
  double low = 0, high = 0;
};

// Intervals for a rate from `successes` of n trials. Throw InputError unless 0 <= successes <= n, n >= 1 and
// confidence lies in (0, 1).

// Wilson (1927), score interval without continuity correction: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 +
// z²/n). Covers `confidence` on average over rates; the choice of Brown, Cai & DasGupta (2001) for small n.
Interval wilson_interval(int64_t successes, int64_t n, double confidence = 0.95);

// Clopper & Pearson (1934), exact: covers at least `confidence` at every rate. The quantiles (1-c)/2 of
// Beta(k, n-k+1) and (1+c)/2 of Beta(k+1, n-k); 0 below when k = 0, 1 above when k = n.
Interval clopper_pearson_interval(int64_t successes, int64_t n, double confidence = 0.95);

// The central interval of Beta(a, b): its quantiles (1-c)/2 and (1+c)/2. a, b > 0.
Interval beta_interval(double a, double b, double confidence = 0.95);

}  // namespace lathe::math
