#include "lathe/evaluate/conformal/adaptive_alpha.h"

#include "lathe/core/error.h"

namespace lathe::evaluate::conformal {

AdaptiveAlpha::AdaptiveAlpha(double alpha, double step) : target_(alpha), step_(step), current_(alpha) {
  if (!(alpha > 0 && alpha < 1)) throw InputError("alpha must be in (0, 1), got {}", alpha);
  if (!(step > 0)) throw InputError("step must be positive, got {}", step);
}

void AdaptiveAlpha::observe(Outcome outcome) {
  current_ += step_ * (target_ - (outcome == Outcome::kMissed ? 1 : 0));
}

}  // namespace lathe::evaluate::conformal
