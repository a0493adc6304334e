#pragma once
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/evaluate/conformal/score.h"
#include "lathe/evaluate/logit_rows.h"

namespace lathe::evaluate::conformal {

// The draw u of an example: a function of seed, purpose and row alone.
class Uniforms {
 public:
  explicit Uniforms(core::Seed seed) : seed_(seed) {}
  double operator()(int64_t example) const {
    return seed_.stream(static_cast<uint64_t>(example)).random().uniform();
  }

 private:
  core::Seed seed_;
};
Uniforms calibration_uniforms(uint64_t seed);
Uniforms prediction_uniforms(uint64_t seed);

// The true label of an example, ranked, and the example's u (1 for deterministic sets).
struct Truth {
  RankedLabel label;
  double u = 1;
};
enum class Draw { kUniform, kOne };
std::vector<Truth> rank_truths(const LogitRows& logits, const at::Tensor& labels, double temperature,
                               Draw draw, uint64_t seed);

std::vector<double> scores(const Rule& rule, const std::vector<Truth>& truths);

}  // namespace lathe::evaluate::conformal
