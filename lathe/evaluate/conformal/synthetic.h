#pragma once
#include "lathe/core/seed.h"
#include "lathe/evaluate/conformal/conformal.h"

namespace lathe::evaluate::conformal {

// Logits of a made-up classifier with a long tail of hard examples, K = 1000 by default: z ~ N(0, 1.6²),
// z_true += 13.5 − 1.7 Gamma(2, 1.2), and five random classes += Gamma(2, 1.5) (shape, scale). Labels are
// uniform. The same seed and row give the same logits, whatever the number of rows.
Examples synthetic_logits(int64_t num_examples, core::Seed seed, int64_t num_classes = 1000);

}  // namespace lathe::evaluate::conformal
