#pragma once
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

// How much a label of a point is worth: scores >= 0 for a proposal, the higher the sooner.
namespace lathe::evaluate::active {

enum class Acquisition {
  kRandom,           // 1 for all
  kEntropy,          // H(p), nats
  kBald,             // H(mean_k p_k) − mean_k H(p_k) over members: what the members disagree about
  kMargin,           // 1 − (largest probability − second)
  kLeastConfidence,  // 1 − largest probability
  kRmsLoss,       // sqrt(Σ_y π(y) L(f, y)²): the least variance where labels are uncertain, see rms_loss
  kExpectedLoss,  // Σ_y π(y) L(f, y): likewise where π is certain of every label (paper, §4)
  kGiven          // from elsewhere
};
std::string to_string(Acquisition acquisition);
Acquisition parse_acquisition(const std::string& text);  // throws InputError

enum class Loss { kZeroOne, kCrossEntropy };  // the prediction is the first of the largest; −ln p_y
std::string to_string(Loss loss);
Loss parse_loss(const std::string& text);  // throws InputError

// Probabilities are floating point [N, C], those of K members [K, N, C], on any device; results float64 [N]
// on the CPU. Each throws InputError for other shapes and, naming it, for the first row that is no
// distribution (sum 1 to within 1e-3, nothing negative or NaN).

at::Tensor entropy(const at::Tensor& probabilities);
at::Tensor bald(const at::Tensor& members);  // paper, §6; Houlsby et al. 2011. Never below 0
at::Tensor margin(const at::Tensor& probabilities);
at::Tensor least_confidence(const at::Tensor& probabilities);
// f the model under test, π what is believed of the labels: another model, an ensemble, or f itself.
at::Tensor expected_loss(const at::Tensor& probabilities, const at::Tensor& believed, Loss loss);
// The variance of LURE falls with Σ_i E[L_i²] / q_i, which is smallest for q ∝ sqrt(E[L²]): a label that is
// nearly certain, and costs much where it is not what was believed, is worth more than its expected loss
// says.
at::Tensor rms_loss(const at::Tensor& probabilities, const at::Tensor& believed, Loss loss);

// The score of one model under test, [N, C], by what it believes itself. Throws InputError for kBald, which
// wants members, and for kGiven.
at::Tensor score(Acquisition acquisition, const at::Tensor& probabilities, Loss loss = Loss::kZeroOne);

// −ln p_y (p at least 1e-12, so that a loss is finite) or whether y is not the prediction, float64 [N].
at::Tensor losses(const at::Tensor& probabilities, const at::Tensor& labels, Loss loss);

// Σ_j |x_i − x_j|² over the acquired points j; inputs floating point [N, …].
at::Tensor distance_to(const at::Tensor& inputs, const std::vector<int64_t>& acquired);

std::vector<double> to_vector(const at::Tensor& scores);

}  // namespace lathe::evaluate::active
