#pragma once
#include <functional>
#include <vector>

#include "lathe/core/config.h"
#include "lathe/optim/composed_step.h"

namespace lathe::optim {

// Sharpness-aware minimisation: descend along the gradient taken at the worst point near w.
// Foret, Kleiner, Mobahi & Neyshabur, ICLR 2021 (arXiv 2010.01412).
//
//   ε̂ = ρ · sign(g) |g|^(q−1) / (‖g‖_q^q)^(1/p),  1/p + 1/q = 1      eq. 2; p = 2: ρ g / ‖g‖₂
//   g_SAM = ∇L at w + ε̂                                             eq. 3, without the derivative of ε̂
//
// ‖g‖ is one norm over all parameters together. With `adaptive` (Kwon et al., ICML 2021, eq. 5) g becomes T g
// and ε̂ becomes T ε̂, T = |w| + eta, so that rescaling a layer changes nothing.
struct SamOptions {
  double rho = 0.05;  // paper, §3.1; with label noise 0.1 to 0.5; adaptive: about ten times more
  double p = 2;       // paper, §2; 1 or more, infinity allowed
  bool adaptive = false;
  double eta = 0;                  // 0.01 in Kwon et al.'s code, 0 in the common port
  double eps = 1e-12;              // added to the norm
  double ascent_weight_decay = 0;  // λ of an L2 term that only the ascent sees; the authors': the optimizer's
  bool sync_perturbation = false;      // one ε̂ for all processes: a collective more, and larger m
  int64_t every = 1;                   // SAM in every such step, plain ones between
  double start = 0;                    // share of training with plain steps before SAM begins
  std::vector<double> group_rho = {};  // for each parameter group, in place of rho; empty: rho for all
};
// Reads an [optim.sam] table; ascent_weight_decay = true there means `weight_decay`. Throws InputError.
SamOptions sam_options(const core::Config& sam, double weight_decay);
void check(const SamOptions& options);  // throws InputError naming key, value and range

// Moves parameters to w + ε̂ and back, bit for bit: the old values are copied, never recomputed. A parameter
// without gradient stays; where all gradients are zero, or one is not finite, nothing moves.
class AscentPoint {
 public:
  AscentPoint(ParameterGroups groups, SamOptions options);
  bool move();     // by the gradients that the parameters have now; false where nothing moved
  void restore();  // nothing to do where nothing moved

 private:
  SamOptions options_;
  std::vector<torch::Tensor> parameters_;
  std::vector<double> rho_;             // of each parameter
  std::vector<torch::Tensor> scratch_;  // of each parameter: its old value, kept between steps
  std::vector<size_t> moved_;
};

// SAM as slot 1 of the composed step: two evaluations for each micro-batch, which is its m (m-sharpness). The
// second is Pass::repeat: same samples, same dropout, statistics untouched. The loss reported is that at w.
class Sam : public GradientRule {
 public:
  Sam(ParameterGroups groups, SamOptions options);
  Evaluation compute(GradientSource& source, int64_t replica) override;

 private:
  SamOptions options_;
  AscentPoint ascent_;
  std::vector<torch::Tensor> parameters_;
};

// SAM around any libtorch optimizer, for loops of your own:
//   sam.step([&] { optimizer.zero_grad(); auto loss = loss_of(batch); loss.backward(); return loss; });
// or: backward(); sam.first_step(); zero_grad(); backward(); sam.second_step();
// Freezing batch-norm statistics and repeating dropout in the second pass is the caller's
// (nn::FrozenStatistics).
class StandaloneSam {
 public:
  StandaloneSam(torch::optim::Optimizer& base, SamOptions options);
  torch::Tensor step(const std::function<torch::Tensor()>& closure);  // the loss at w
  void first_step();
  void second_step();

 private:
  torch::optim::Optimizer& base_;
  SamOptions options_;
  AscentPoint ascent_;
};

}  // namespace lathe::optim
