#include "lathe/evaluate/conformal/truth.h"

#include "lathe/evaluate/conformal/ranked_row.h"

namespace lathe::evaluate::conformal {

Uniforms calibration_uniforms(uint64_t seed) {
  return Uniforms(core::Seed(seed).stream("calibrate"));
}
Uniforms prediction_uniforms(uint64_t seed) {
  return Uniforms(core::Seed(seed).stream("predict"));
}

std::vector<Truth> rank_truths(const LogitRows& logits, const at::Tensor& labels, double temperature,
                               Draw draw, uint64_t seed) {
  const Uniforms uniforms = calibration_uniforms(seed);
  std::vector<Truth> truths(static_cast<size_t>(logits.size()));
  for_each_chunk(logits.size(), [&](int64_t begin, int64_t end, int64_t) {
    RankedRow row(logits, temperature);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t example = logits.example(i);
      row.load(i);
      truths[static_cast<size_t>(i)] = {row.ranked(labels.data_ptr<int64_t>()[example]),
                                        draw == Draw::kUniform ? uniforms(example) : 1};
    }
  });
  return truths;
}

std::vector<double> scores(const Rule& rule, const std::vector<Truth>& truths) {
  std::vector<double> result;
  result.reserve(truths.size());
  for (const Truth& truth : truths) result.push_back(score(rule, truth.label, truth.u));
  return result;
}

}  // namespace lathe::evaluate::conformal
