#pragma once
#include "lathe/pipeline/study.h"

namespace lathe::studies::neural_subspaces {

// Timing rows on one thread: a line's step beside a plain one, mixing and pulling beside the bytes that they
// have to move, and a line's step of the authors' ResNet-20 beside their own program's.
void time_steps(const pipeline::StudyContext& context, pipeline::StudyResult& result);

}  // namespace lathe::studies::neural_subspaces
