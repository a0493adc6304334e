#pragma once
#include "lathe/pipeline/study.h"
#include "studies/gradient_projection_memory_runs.h"

// What gradient projection costs, for the study `gradient-projection-memory`.
namespace lathe::studies::gpm {

// Timing rows: a projected step of the authors' network, and of convolutions with heads, over a plain one.
void time_steps(const Problem& permuted, const Problem& convolutions, const pipeline::StudyContext& context,
                pipeline::StudyResult& result);

// The authors' program on the same data, first weights and order of images, both on one thread: accuracy and
// time. A note where it, or PyPI's PyTorch, is not there.
void beside_authors(const Problem& permuted, const pipeline::StudyContext& context,
                    pipeline::StudyResult& result);

}  // namespace lathe::studies::gpm
