#pragma once
#include <vector>

#include "lathe/core/interrupt.h"
#include "lathe/core/seed.h"
#include "lathe/optim/objective.h"

namespace lathe::optim {

// How sharp the minimum is in which training ended: what the loss L does around the weights w, over k
// parameters and n examples. Foret, Kleiner, Mobahi & Neyshabur, ICLR 2021 (arXiv 2010.01412).
struct SharpnessOptions {
  std::vector<double> rho = {0.05, 0.1, 0.2, 0.5};  // radii; of Foret et al.'s grid, §3
  std::vector<int64_t> micro_batches = {128};       // m, besides all examples; as many or more: all
  int64_t ascent_steps = 20;
  int64_t draws = 20;        // of random directions; each is used with its mirror image; 0: none
  int64_t eigenvalues = 5;   // Foret et al., §4.2; 0: none
  int64_t slice = 21;        // points along a side of the loss slice, odd; 0: none
  double delta = 0.05;       // the bound holds with probability 1 − delta
  int64_t batch_size = 500;  // examples in memory at once
};

// L(w + ε) − L(w), the mean over micro-batches of m examples, each with its own ε (m-sharpness, §4.1); a
// last, smaller one counts by its size.
struct AscentSharpness {
  int64_t micro_batch = 0;  // m
  double rho = 0;
  double one_step = 0;  // ε = ρ ∇L/‖∇L‖₂, what SAM does (eq. 2)
  double projected = 0;  // the largest on ascent_steps steps ε ← Π(ε + ρ ∇L(w+ε)/‖∇L(w+ε)‖₂) from ε = 0, Π
                         // onto ‖ε‖₂ ≤ ρ. The first step is SAM's. Where L is convex none loses height.
};

// E L(w + ε) − L(w), ε ~ N(0, σ² I), σ = ρ/√k so that E‖ε‖₂² = ρ². ε and −ε are one draw: the gradient's part
// cancels, the expectation stays.
struct AverageSharpness {
  double rho = 0, sigma = 0, mean = 0, standard_error = 0;
};

// The Hessian's largest eigenvalues, found by Lanczos with Hessian-vector products over all n examples.
struct Spectrum {
  std::vector<double> values;     // largest first
  std::vector<double> residuals;  // ‖Hv − λv‖/|λ|
  int64_t products = 0;
  bool converged = false;
};

// L(w + a d₁ + b d₂), a and b in [−1, 1]. Each filter of d (row of its weight, Gaussian) has the norm of the
// filter of w; biases and normalisation (dimension 1) stay. Li, Xu, Taylor, Studer & Goldstein, NeurIPS 2018.
struct LossSlice {
  std::vector<double> coordinates;          // of a and of b
  std::vector<std::vector<double>> losses;  // [b][a]; the middle is L(w)
};

// Theorem 2 with its O(1) set to 0:
//   L_D(w) ≤ max_{‖ε‖₂≤ρ} L_S(w + ε) + sqrt((k log(1 + ‖w‖²/ρ² (1 + sqrt(log n / k))²) + 4 log(n/δ)) / (n −
//   1))
// It speaks of a loss in [0, 1], and says nothing about networks: k ≫ n makes the root larger than 1.
struct SharpnessBound {
  double rho = 0, delta = 0;
  double max_loss = 0;    // the first term as measured by projected ascent, m = n: at most the true one
  double complexity = 0;  // the root
  double bound = 0;
};
double bound_complexity(double weight_norm2, double rho, int64_t parameters, int64_t examples, double delta);

struct SharpnessReport {
  int64_t examples = 0;                 // n
  int64_t parameters = 0;               // k: those that are trained
  double weight_norm2 = 0;              // ‖w‖₂²
  double loss = 0;                      // L(w)
  std::vector<AscentSharpness> ascent;  // all examples first, then each m; of each every ρ
  std::vector<AverageSharpness> average;
  Spectrum spectrum;
  LossSlice slice;
  std::vector<SharpnessBound> bounds;
};

// Measures in evaluation mode, so with frozen statistics; deterministic in `seed`. The model is then as it
// was, bit for bit, also when the loss throws. Throws InputError for options that make no sense, Error when
// L(w) or its gradient is not finite, Interrupted.
SharpnessReport sharpness(nn::Model& model, const data::Dataset& dataset, const SharpnessOptions& options,
                          core::Seed seed, const Objective& objective = cross_entropy(),
                          const core::StopToken& stop = {});

}  // namespace lathe::optim
