#pragma once
#include "lathe/data/dataset.h"
#include "lathe/pipeline/study.h"

namespace lathe::studies::sam {

// Timing rows on one thread: a SAM step beside a plain one, and beside a Python SAM that trains the same MLP
// from the same weights on the same batches.
void time_steps(const data::Dataset& train_set, const data::Dataset& test_set, double rho,
                const pipeline::StudyContext& context, pipeline::StudyResult& result);

}  // namespace lathe::studies::sam
