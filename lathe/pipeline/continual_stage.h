#pragma once
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {

// [train.continual]: tasks learned one after another (train/continual/train_tasks.h).
//
// The model that is kept is an ordinary classifier of all classes. Tasks that share their classes have one
// head, and it is that. Of tasks with heads of their own it is all heads side by side, each class in its
// original place, so that it answers without being told the task; the accuracies of the train stage are those
// of each task's own head. Batch norm has the statistics of all tasks together, each weighted alike.

// Throws InputError for what does not fit the data, the model or the rest of the pipeline.
void check_continual(const Setup& setup);

// The train stage. A stopped one is gone on with from the directory context.checkpoint.
StageReport run_continual(const StageContext& context);

}  // namespace lathe::pipeline
