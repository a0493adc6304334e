#pragma once
#include "lathe/train/invariance/parts.h"

namespace lathe::train::invariance {

// What a part's weight grows with: its risk R_e (Sagawa et al., algorithm 1) or its share R_e / ΣR (Ahmed et
// al.'s code), which does not fade while all risks shrink.
enum class RiskScale { absolute, relative };

struct GroupDroOptions {
  RiskScale risk = RiskScale::relative;
  double adjustment = 0;  // C of R_e + C / √n_e, n_e the part's training samples; Sagawa et al., eq. 5
};

// Group distributionally robust optimisation. Sagawa, Koh, Hashimoto & Liang, ICLR 2020 (arXiv 1911.08731):
//   q_e ← q_e · exp(rate · r_e) / Σ,  loss = Σ_e q_e R_e      r_e as RiskScale and the adjustment say
// Each class has its own q where the parts are sorted by class; the loss is then the mean over the classes in
// the batch. A part that the batch lacks keeps its q, and the loss shares its weight among those present; a
// class with one part moves no q.
class GroupDro {
 public:
  GroupDro(const torch::Tensor& sizes, GroupDroOptions options);  // n_e, [C, E]; q_e = 1 / E

  struct Step {
    torch::Tensor loss;       // scalar, with q as after this batch
    torch::Tensor exponents;  // rate · r_e, [C, E], for update()
  };
  Step step(const torch::Tensor& losses, const Parts& parts, double rate) const;  // losses: [B]
  void update(const torch::Tensor& exponents);
  const torch::Tensor& weights() const { return q_; }  // float64 [C, E], CPU
  void set_weights(const torch::Tensor& weights);      // throws Error: another shape, not distributions

 private:
  torch::Tensor q_, adjustment_;
  GroupDroOptions options_;
};

}  // namespace lathe::train::invariance
