#pragma once
#include <torch/types.h>

namespace lathe::evaluate::conformal {

// Split conformal intervals for regression. The score of a target y with a predicted range [low, high] and
// scale σ is
//
//   s = max(low − y, y − high) / σ,   τ̂ its conformal quantile,   interval [low − σ τ̂, high + σ τ̂]
//
// and P(Y in the interval) >= 1 − α for exchangeable examples. Of a model that predicts
//   the mean:       low = high = ŷ                        (Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018)
//   and deviations: the same with their σ
//   two quantiles:  low, high, where τ̂ < 0 shrinks them   (Romano, Patterson & Candès 2019)
struct Ranges {
  at::Tensor low, high;   // floating point [N]
  at::Tensor scale = {};  // positive [N], or undefined: 1
};
struct Intervals {
  at::Tensor low, high;  // float64 [N]; infinite where calibration was too small; low > high is empty
};

// τ̂. Throws InputError for alpha outside (0, 1), shapes that differ, no example, and numbers that are not
// finite or, of a scale, not positive.
double interval_margin(const Ranges& ranges, const at::Tensor& targets, double alpha);
Intervals widen(const Ranges& ranges, double margin);

}  // namespace lathe::evaluate::conformal
