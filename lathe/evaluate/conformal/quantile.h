#pragma once
#include <cstdint>
#include <vector>

#include "lathe/math/intervals.h"

namespace lathe::evaluate::conformal {

// l = ⌊(n + 1) α⌋, safe from the rounding of α: n = 19, α = 0.1 gives 2.
int64_t num_excluded(int64_t n, double alpha);

// τ̂: the ⌈(n + 1)(1 − α)⌉-th smallest of n scores in ascending order. ∞ where that is beyond n, as it is for
// α <= 0; -∞ for α >= 1.
double conformal_quantile(const std::vector<double>& sorted_scores, double alpha);

// The same under covariate shift with known likelihood ratios (Tibshirani, Barber, Candès & Ramdas 2019,
// eq. 8): the smallest score s with Σ_{s_i <= s} w_i >= (1 − α)(Σ w_i + w), w the weight of the new example.
// `cumulative_weights` are in the order of the scores. Equal weights give conformal_quantile.
double weighted_quantile(const std::vector<double>& sorted_scores,
                         const std::vector<double>& cumulative_weights, double weight, double alpha);

// The fewest calibration examples that give a finite τ̂: ⌈1/α⌉ − 1.
int64_t smallest_calibration(double alpha);

// Coverage of infinitely many test examples, given one calibration set of n and distinct scores: Beta(n + 1 −
// l, l). Both ends are 1 where l = 0.
math::Interval coverage_band(int64_t n, double alpha, double confidence = 0.99);
// The same as measured on `num_test` examples: shares k / num_test with k ~ BetaBinomial(num_test, n + 1 − l,
// l), at most (1 − confidence) / 2 of the probability outside either end.
math::Interval observed_coverage_band(int64_t n, int64_t num_test, double alpha, double confidence = 0.99);

}  // namespace lathe::evaluate::conformal
