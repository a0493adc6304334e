#pragma once
#include "lathe/core/seed.h"
#include "lathe/train/invariance/groups.h"

namespace lathe::train::invariance {

// Defaults: Ahmed et al., ICLR 2021, appendix (coloured digits).
struct GroupInferenceOptions {
  std::string method = "pgi";  // pgi, eiil, loss
  double temperature = 10;     // pgi: T
  double penalty = 10;         // pgi: λ_p; the authors' 0.1 for objects on colours, 0.001 on scenes
  double lr = 1e-4;            // Adam's; eiil 1e-3
  int64_t iterations = 100;    // eiil 10,000
  int64_t batch = 512;         // pgi: examples of a class in an iteration
};
// The published values of a method. Throws InputError for an unknown one.
GroupInferenceOptions published_inference(const std::string& method);

// A majority and a minority part of every class, from what a partly trained model makes of the training
// examples: features [N, D] (pgi only) and logits [N, K] in evaluation mode, targets int64 [N]. Infer after
// an epoch or so: a model that has memorised everything has equal losses, and nothing to split by.
//
// pgi   Ahmed et al. 2021, §3.1: a network φ_c for each class,
//         α = ½ (1 + tanh(φ_c(f) / T)),  part 1 where α ≥ ½,
//       maximises ½ [R_1 + R_2 + λ_p (G_1 + G_2)] with R_1 = Σ α_i ℓ_i / Σ α_i, G_1 = ‖∂R_1/∂w‖² at the dummy
//       scale w = 1 of the logits; R_2, G_2 the same with 1 − α. φ_c: three linear layers of 64, 32 and 21
//       units, each spectrally normalised, layer norm, ReLU; then one unit without bias.
// eiil  Creager, Jacobsen & Zemel, ICML 2021: one logit for each example of the data set; maximises the mean
// of
//       the squared scalar dummy gradients of the two softly weighted parts.
// loss  The two clusters of least squares of each class's losses.
//
// Then, in each class, the part with the larger mean loss becomes part 1, and a class is left whole, with the
// reason, where it has fewer than 2 K examples or all of them fell into one part. What an example's part is
// does not depend on the order of the examples, as long as no class has more than `batch` (pgi), but for
// rounding. Throws InputError for shapes that do not fit, Error for logits that are not finite.
Groups infer_groups(const torch::Tensor& features, const torch::Tensor& logits, const torch::Tensor& targets,
                    const GroupInferenceOptions& options, core::Seed seed);

}  // namespace lathe::train::invariance
