#pragma once
#include <string>

#include "lathe/core/config.h"
#include "lathe/train/invariance/group_dro.h"
#include "lathe/train/invariance/group_inference.h"
#include "lathe/train/invariance/penalties.h"

namespace lathe::train::invariance {

// Training that tells predictions not to depend on the part of a class. Ahmed, Bengio, van Seijen &
// Courville, ICLR 2021. From step t₀ = start_epoch · steps per epoch on
//   loss = CE_bal + λ(t) · P + (l2/2) ‖θ‖²,   λ(t) = weight · min(1, (t − t₀ + 1) / ramp steps)
// with CE_bal the mean of the parts' mean losses; before t₀ plain cross-entropy (+ l2).
//
//   pgi        P = pgi_penalty                            irm_v1, rex   the whole loss divided by λ(t) > 1
//   group_dro  GroupDro's loss for CE_bal, rate λ(t)      cmmd          P = mmd_penalty on the features
//   reweight   reweighted_mean for CE_bal, weight λ(t)
struct InvarianceOptions {
  std::string method = "pgi";     // pgi, irm_v1, rex, group_dro, reweight, cmmd
  double weight = 1;              // λ; depends on the architecture: try powers of ten from 0.1 to 100
  int64_t ramp_epochs = 5;        // paper, coloured digits; 200 on objects
  int64_t start_epoch = 1;        // paper: parts are inferred after one epoch
  bool class_conditional = true;  // pgi and cmmd as published; the others' published form: false
  bool balance = true;            // false: the plain mean instead of CE_bal
  bool features_only = true;      // the penalty's gradient leaves the last layer alone: pgi as published
  std::string reduction = "sum";  // pgi, over classes: sum (paper, digits) or mean (paper, objects)
  double l2 = 0;              // γ; here it is divided by λ with irm_v1 and rex, unlike optim.weight_decay
  std::string column;         // parts are this column's values; empty: they are inferred
  std::string compare;        // a column that inferred parts are compared with, for people
  IrmOptions irm;             // irm_v1
  GroupDroOptions group_dro;  // group_dro
  GroupInferenceOptions inference;
};
// A method with its published settings; weight stays 1. Throws InputError for an unknown one.
InvarianceOptions published(const std::string& method);
// Reads a [train.groups] table; the defaults are published(method)'s. Throws InputError.
InvarianceOptions invariance_options(const core::Config& groups);
void check(const InvarianceOptions& options);  // throws InputError naming key, value and range

// λ(t), 0 before start_step; the whole weight at once where ramp_steps is 0.
double ramped(double weight, int64_t step, int64_t start_step, int64_t ramp_steps);

}  // namespace lathe::train::invariance
