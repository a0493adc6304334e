#pragma once
#include <algorithm>
#include <cstdint>

namespace lathe::evaluate::conformal {

enum class Method {
  kRaps,  // regularised adaptive prediction sets
  kAps,   // RAPS with λ = 0
  kLac,   // least ambiguous: a threshold on the probability
  kTopK,  // a fixed number of labels, randomised between two neighbours
  kNaive  // labels until their probabilities sum to 1 − α; not calibrated
};

enum class Randomized {
  kYes,
  kNo,              // u = 1 everywhere: deterministic sets with coverage of at least 1 − α
  kCalibrationOnly  // u drawn in calibration; sets keep the label that crosses τ̂: never empty, larger
};

// What makes a set of ranked labels, but for its threshold.
struct Rule {
  Method method = Method::kRaps;
  int64_t k_reg = 0;
  double lambda = 0;
  Randomized randomized = Randomized::kYes;
  bool allow_empty = true;  // no: an empty set becomes the first label
};

// A label of one example: its rank o by decreasing probability, from 1, the sum ρ of the probabilities before
// it, its own probability p.
struct RankedLabel {
  int64_t rank = 1;
  double before = 0, probability = 0;
};

// The nonconformity score, non-decreasing in the rank; u in [0, 1] is drawn once an example.
//
//   RAPS, APS  ρ + u p + λ max(0, o − k_reg)   Angelopoulos et al., ICLR 2021, eq. 4
//   LAC        1 − p                           Sadinle, Lei & Wasserman 2019
//   top-k      o − 1 + u                       the limit λ → ∞
//   naive      ρ                               so that ρ <= 1 − α keeps the label that crosses
inline double score(const Rule& rule, const RankedLabel& label, double u) {
  switch (rule.method) {
    case Method::kLac:
      return 1 - label.probability;
    case Method::kTopK:
      return static_cast<double>(label.rank - 1) + u;
    case Method::kNaive:
      return label.before;
    case Method::kAps:
      return label.before + u * label.probability;
    case Method::kRaps:
      break;
  }
  return label.before + u * label.probability +
         rule.lambda * static_cast<double>(std::max<int64_t>(0, label.rank - rule.k_reg));
}

// Does the score depend on u?
inline bool randomizable(Method method) {
  return method != Method::kLac && method != Method::kNaive;
}

}  // namespace lathe::evaluate::conformal
