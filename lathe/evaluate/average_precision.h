#pragma once
#include <torch/types.h>

namespace lathe::evaluate {

// Σ_n (R_n − R_{n−1}) P_n over the distinct scores from the highest down, P_n and R_n the precision and
// recall of "score at least the n-th is relevant": the area under the precision-recall curve without
// interpolation. scores: floating point [N]; relevant: [N], nonzero where it is. Throws InputError for other
// shapes, a score that is NaN, and nothing relevant.
double average_precision(const at::Tensor& scores, const at::Tensor& relevant);

}  // namespace lathe::evaluate
