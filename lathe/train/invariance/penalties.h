#pragma once
#include <vector>

#include "lathe/train/invariance/parts.h"

// Penalties on what tells the parts of a class apart, all differentiable. A class takes part where its batch
// has what is compared; one that does not adds 0. Parts made by parts_of(parts, E) give the methods as
// published; by parts_of(classes, parts, C, E) their class-conditional variants: the same inside each class,
// averaged over the classes that take part.
namespace lathe::train::invariance {

struct Penalty {
  torch::Tensor value;   // scalar
  torch::Tensor active;  // int64 scalar: classes that take part
};

enum class Reduction { sum, mean };  // over classes; mean: over those that take part

// Predictive group invariance. Ahmed, Bengio, van Seijen & Courville, ICLR 2021, eq. 2: with p̄_e the mean
// prediction over part e of class c, clipped to [1e-12, 1 − 1e-12],
//   P_c = (1/K) Σ_k p̄_e[k] · ln(p̄_e[k] / p̄_0[k])     summed over the parts e > 0
// probabilities: [B, K]. Part 0 is the one that the others are to be told from: the largest.
Penalty pgi_penalty(const torch::Tensor& probabilities, const Parts& parts,
                    Reduction reduction = Reduction::sum);

// What multiplies the logits where a risk's gradient is taken: one number for each class (Ahmed et al.'s
// code), or one for all (Arjovsky et al., Creager et al.).
enum class DummyScale { vector, scalar };
// squared: ‖ĝ‖² of the part's samples, the authors' choice, too large by the variance of ĝ. halves: ĝ₁ · ĝ₂
// of its first, third, … and its second, fourth, … samples; unbiased.
enum class SquaredNorm { squared, halves };
struct IrmOptions {
  DummyScale scale = DummyScale::vector;
  SquaredNorm norm = SquaredNorm::squared;
};
// Invariant risk minimisation v1. Arjovsky, Bottou, Gulrajani & Lopez-Paz 2019 (arXiv 1907.02893), eq. IRMv1:
//   mean over the parts of ‖∂R_e/∂w‖² at w = 1,  R_e the mean cross-entropy of w ⊙ logits
// logits: [B, K]; targets: int64 [B].
Penalty irm_penalty(const torch::Tensor& logits, const torch::Tensor& targets, const Parts& parts,
                    const IrmOptions& options = {});

// ∂ℓ_i/∂w at w = 1: (softmax(z) − one-hot) ⊙ z, [B, K]; its sum over k for one scale, [B, 1].
torch::Tensor dummy_gradients(const torch::Tensor& logits, const torch::Tensor& targets, DummyScale scale);

// Risk extrapolation. Krueger et al., ICML 2021 (arXiv 2003.00688), eq. 8: the variance of the parts' mean
// losses, (1/E) Σ (R_e − R̄)². losses: [B].
Penalty rex_penalty(const torch::Tensor& losses, const Parts& parts);

// Maximum mean discrepancy of part 0 and each other part, summed; Li et al., CVPR 2018, with the kernel
// mean over s of exp(−‖x − y‖² / 2s²). The biased estimate, ≥ 0. features: [B, D].
Penalty mmd_penalty(const torch::Tensor& features, const Parts& parts,
                    const std::vector<double>& bandwidths = {1, 5, 10});  // Ahmed et al.'s code

// (1/E) Σ_e mean(ℓ | part e). A part that the batch lacks adds 0, so that the other keeps its weight.
torch::Tensor balanced_mean(const torch::Tensor& losses, const torch::Tensor& parts, int64_t num_parts);

// Σ w_i ℓ_i / Σ w_i with w_i = 1 / (1 + weight) in part 0, 1 elsewhere.
torch::Tensor reweighted_mean(const torch::Tensor& losses, const torch::Tensor& parts, double weight);

}  // namespace lathe::train::invariance
