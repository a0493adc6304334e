#pragma once
#include <torch/types.h>

#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/evaluate/logit_rows.h"

namespace lathe::evaluate::conformal {

// What a tuning part decides: the rule's k_reg and λ (0 but for RAPS) and the temperature.
struct Tuned {
  double temperature = 1;
  Rule rule;
};

// Takes from the options what they give and the rest from these examples:
//   T      minimises NLL
//   k_reg  the smallest k with the true label among the first k of at least (1 − α) of the examples
//   λ      of the grid of Options::tune: conformalised on these examples, the best there; first on ties
Tuned tune(const LogitRows& logits, const at::Tensor& labels, const Options& options);

}  // namespace lathe::evaluate::conformal
