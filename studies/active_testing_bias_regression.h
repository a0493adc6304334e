#pragma once
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/core/seed.h"
#include "lathe/evaluate/active/estimators.h"

// The paper's regression pool: a line fitted to a curve, points taken far from those that are labelled.
namespace lathe::studies::active_testing_bias {

struct RegressionPlan {
  int64_t num_trajectories = 1000;
  std::vector<int64_t> labels = {10, 20, 40, 70, 100};  // M
};

// What one estimator does with M labels, over all trajectories.
struct Spread {
  double bias = 0, standard_error = 0, deviation = 0;  // of the estimate of a fixed line's risk
  double test_error = 0;                               // mean squared, of lines fitted with its weights
};

struct RegressionResult {
  double risk = 0;                           // of the fixed line on the pool
  std::vector<std::vector<Spread>> spreads;  // [M][estimator: none, pure, lure]
};

RegressionResult run_regression(const RegressionPlan& plan, core::Seed seed, const core::StopToken& stop);

}  // namespace lathe::studies::active_testing_bias
