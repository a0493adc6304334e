#pragma once
#include "lathe/pipeline/study.h"
#include "studies/adascale_runs.h"

namespace lathe::studies::adascale {

// AdaScale as two MPI processes with accumulation, beside one process with as many micro-batches: the program
// `lathe` itself, by mpirun. Without mpirun or MPI in this build: a note.
void add_ranks(const Recipe& recipe, const pipeline::StudyContext& context, pipeline::StudyResult& result);

}  // namespace lathe::studies::adascale
