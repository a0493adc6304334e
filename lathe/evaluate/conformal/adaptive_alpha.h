#pragma once

namespace lathe::evaluate::conformal {

enum class Outcome { kCovered, kMissed };

// The α of the next prediction in a stream whose distribution drifts (Gibbs & Candès, NeurIPS 2021, eq. 2):
//
//   α_{t+1} = α_t + γ (α − err_t),   err_t = 1 where the set missed the label
//
// Whatever the stream, |mean of err_t over t <= T − α| <= (max(α, 1 − α) + γ) / (γ T) (proposition 4.1). α_t
// may leave [0, 1]; Conformal::at_alpha then gives all labels or none, which the bound relies on.
class AdaptiveAlpha {
 public:
  // Throws InputError unless alpha is in (0, 1) and step is positive.
  explicit AdaptiveAlpha(double alpha, double step = 0.005);  // γ: paper, §2.2
  double alpha() const { return current_; }
  void observe(Outcome outcome);

 private:
  double target_, step_, current_;
};

}  // namespace lathe::evaluate::conformal
