#pragma once
#include <cstdint>

namespace lathe::evaluate {

// Softmax of one row at about a gigaelement a second and core, for [N, K] logits that must not be copied.
//
// Weights e_k = exp((z_k − max z) β) in float with relative error below 2·10⁻⁷, rounded to multiples of 2⁻³⁶:
// any sum of up to 2¹⁷ of them is exact in double, so that it does not depend on the order of summation.

constexpr int64_t kRowLanes = 64;

// The maxima of the logits k ≡ j (mod 64), and of all.
struct RowMaximum {
  float lanes[kRowLanes];
  float value = 0;
  bool distribution = false;  // no NaN, no +inf, not only -inf
};
RowMaximum row_maximum(const float* logits, int64_t num_classes);

// Fills `weights` [K]; returns Σ e_k. β = `inverse_temperature` > 0.
double softmax_weights(const float* logits, int64_t num_classes, float maximum, float inverse_temperature,
                       float* weights);

// Sums over the labels that rank before `label`: those of a larger logit, or of an equal one and a lower
// index.
struct Before {
  int64_t count = 0;
  double weight = 0;
};
Before before_label(const float* logits, const float* weights, int64_t num_classes, int64_t label);

// Σ e_k x_k and Σ e_k x_k² with x = z − max z; excluded classes (-inf) count nothing.
struct WeightedMoments {
  double first = 0, second = 0;
};
WeightedMoments weighted_moments(const float* logits, const float* weights, int64_t num_classes,
                                 float maximum);

}  // namespace lathe::evaluate
