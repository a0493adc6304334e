#pragma once
#include <vector>

#include "lathe/core/seed.h"

// AdaScale where everything is known: a quadratic with noisy gradients (data/noisy_quadratic.h).
namespace lathe::studies::adascale {

// The largest relative difference between the gain that AdaScale has estimated after 200 steps and the exact
// one, over S = 2, 4, 8, 16, 32. The learning rate is so small that the averages hardly lag.
double gain_error(core::Seed seed);

struct Convergence {
  double scale = 1;
  double value = 0;  // F after T scale-invariant steps, mean over trials
  double steps = 0;  // mean
};
struct ConvergenceResult {
  double bound = 0;  // of E F for S = 1 after T steps
  std::vector<Convergence> scales;
};
// Johnson et al. 2020, Theorem 1: for a learning rate η ≤ 1/β, β-smooth F with PL constant α and noise V,
//   E F(w_T) ≤ (1 − γ)^T F(w_0) + η² β V / (2γ),  γ = αη(2 − ηβ)
// where T counts scale-invariant steps: the bound of S = 1 for every S.
ConvergenceResult convergence(core::Seed seed);

}  // namespace lathe::studies::adascale
