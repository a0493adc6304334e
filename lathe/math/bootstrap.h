#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/math/intervals.h"

namespace lathe::math {

// A statistic of weighted observations: weights[i] >= 0 says how often observation i counts, and all 1 gives
// the estimate itself. It must not depend on the weights' scale, and is called from several threads at once.
using WeightedStatistic = std::function<double(const std::vector<double>& weights)>;

struct BootstrapOptions {
  int64_t num_replicates = 2000;  // as in Efron & Tibshirani 1993, §14.2
  double confidence = 0.95;
  int64_t max_jackknife_groups = 200;  // more levels than this are left out in groups
  core::Seed seed{0};
};

struct BootstrapResult {
  double estimate = 0;
  double standard_error = 0;       // of the replicates
  Interval percentile;             // Efron & Tibshirani, §13.3
  Interval bca;                    // bias-corrected and accelerated, §14.3
  std::vector<double> replicates;  // in the order of their random streams
};

// What is resampled, with replacement; a resample is a vector of integer weights, and no observation is
// copied. Replicate r draws from its own stream of the seed, so the result is the same to the last bit for
// any number of threads. Each throws InputError for fewer than two levels, negative identities, different
// sizes and bad options, and Error when the statistic is not finite (as when it divides by a sum of weights
// that happens to be zero).
//
// The acceleration of BCa comes from the jackknife: a = sum U³ / 6 (sum U²)^(3/2), U the change of the
// statistic when a level is left out. Beyond max_jackknife_groups, groups of levels drawn at random are left
// out, whose U have the same sums on average.

// n observations, each a level of its own.
BootstrapResult bootstrap(int64_t n, const WeightedStatistic& statistic,
                          const BootstrapOptions& options = {});

// Clusters: observation i belongs to clusters[i], all of a cluster's observations come and go together.
BootstrapResult bootstrap_one_way(const std::vector<int32_t>& clusters, const WeightedStatistic& statistic,
                                  const BootstrapOptions& options = {});

// Two crossed factors, such as items and annotators, observation i in row rows[i] and column columns[i], any
// pattern of cells: rows and columns are resampled independently, and observation i has the product of the
// weights of its row and its column (the pigeonhole bootstrap: Owen 2007, "The pigeonhole bootstrap"; Owen &
// Eckles 2012 for such product weights). Its variance is at least that of the statistic up to O(1/levels),
// and up to three times as large where neither rows nor columns matter. A resample without any observation is
// drawn again. The jackknife of BCa leaves out rows and columns in turn and adds up their sums.
BootstrapResult bootstrap_two_way(const std::vector<int32_t>& rows, const std::vector<int32_t>& columns,
                                  const WeightedStatistic& statistic, const BootstrapOptions& options = {});

// How often each row and each column was drawn; an observation counts rows[its row] * columns[its column]
// times.
struct TwoWayWeights {
  std::vector<float> rows, columns;
};
// Several statistics of one pass over the observations. NaN: not defined for such weights, as the mean of a
// group that was not drawn. Called from several threads at once.
using TwoWayStatistics = std::function<std::vector<double>(const TwoWayWeights& weights)>;

struct TwoWayEstimate {
  double estimate = 0;  // where every level counts once
  double standard_error = 0;
  Interval interval;          // percentile
  int64_t num_undefined = 0;  // replicates without a value, which the interval leaves out
  std::vector<double> replicates;
};
// The pigeonhole bootstrap again, for millions of observations and many statistics at once: no weight of an
// observation is stored. Levels are 0 … num_rows - 1 and 0 … num_columns - 1. With fewer than two values
// among the replicates the standard error and the interval are NaN. Throws InputError as above, and for a
// statistic whose number of values changes.
std::vector<TwoWayEstimate> bootstrap_two_way(int64_t num_rows, int64_t num_columns,
                                              const TwoWayStatistics& statistics,
                                              const BootstrapOptions& options = {});

// The p-quantile of a sample, linear between order statistics (type 7 of Hyndman & Fan 1996, the default of
// NumPy and R). Throws InputError for an empty sample, NaN, and p outside [0, 1].
double quantile(std::vector<double> values, double p);

}  // namespace lathe::math
