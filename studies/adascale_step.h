#pragma once
#include "lathe/data/dataset.h"
#include "lathe/pipeline/study.h"

namespace lathe::studies::adascale {

// Timing rows: AdaScale's step over the same accumulated SGD step; beside fairscale's AdaScale where it is
// installed, with the same images, weights and batches, and how far the gains of the two differ.
void time_steps(const data::Dataset& train, const pipeline::StudyContext& context,
                pipeline::StudyResult& result);

}  // namespace lathe::studies::adascale
