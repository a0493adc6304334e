#pragma once
#include <torch/types.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "lathe/evaluate/logit_rows.h"

namespace lathe::evaluate {

// Expected calibration error, Guo, Pleiss, Sun & Weinberger, ICML 2017 (arXiv 1706.04599), eq. 3:
//
//   ECE = Σ_m |B_m| / N · |acc(B_m) − conf(B_m)|
//
// B_m holds the examples whose confidence, the largest softmax probability, lies in ((m − 1) / M, m / M]; acc
// is the share of them whose prediction is the target, conf their mean confidence. In [0, 1], 0 is perfect.
// M = 15 as in the paper's §4. Of equal logits the lowest index is the prediction.
//
// Logits: floating point [N, K]; targets: int64 [N] in [0, K); any device. Computed in float64. Throws
// InputError for other shapes and types, no example, a target out of range, num_bins < 1, and the first row
// of logits that is no distribution.
double expected_calibration_error(const at::Tensor& logits, const at::Tensor& targets, int64_t num_bins = 15);

// The reliability diagram behind it (paper, §2): one bin of confidence each.
struct ReliabilityBin {
  int64_t count = 0;
  double confidence = 0;  // mean; 0 in an empty bin
  double accuracy = 0;    // likewise
};
std::vector<ReliabilityBin> reliability_curve(const at::Tensor& logits, const at::Tensor& targets,
                                              int64_t num_bins = 15);
double expected_calibration_error(const std::vector<ReliabilityBin>& curve);

// The same from confidences in [0, 1] that are there already.
struct Confidence {
  double value = 0;
  bool hit = false;  // the prediction is the target
};
std::vector<ReliabilityBin> reliability_curve(const std::vector<Confidence>& confidences,
                                              int64_t num_bins = 15);

// Calibrated logits z'_k = w_k z_k + b_k: an affine map of each logit by itself, fitted on held-out examples.
struct Scaling {
  std::vector<double> weights = {1};  // one for all classes, or K
  std::vector<double> biases = {};    // none, or K
};
at::Tensor apply(const Scaling& scaling, const at::Tensor& logits);  // same type and device
nlohmann::json to_json(const Scaling& scaling);                      // {"weights": [...], "biases": [...]}
Scaling scaling_from_json(const nlohmann::json& json);               // throws InputError

// The temperature T > 0 with the smallest negative log-likelihood of softmax(z / T) (Guo et al., §4.2), by a
// safeguarded Newton method on ln T: |dNLL/d ln T| < 1e-6. 1 where NLL has no minimum in [1e-3, 1e3], as when
// every prediction is right.
double fit_temperature(const LogitRows& logits, const at::Tensor& targets);
Scaling temperature_scaling(const at::Tensor& logits, const at::Tensor& targets);  // w = 1 / T

// Platt (1999) for two classes: P(class 1) = 1 / (1 + exp(A f + B)) with f = z_1 − z_0, fitted to the targets
// (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2) by Newton's method with backtracking (Lin, Lin & Weng 2007).
Scaling platt_scaling(const at::Tensor& logits, const at::Tensor& targets);

// Vector scaling (Guo et al., §4.2): diagonal W and b with the smallest NLL, by L-BFGS from the identity.
// Holds the logits in float64.
Scaling vector_scaling(const at::Tensor& logits, const at::Tensor& targets);

}  // namespace lathe::evaluate
