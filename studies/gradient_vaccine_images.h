#pragma once
#include "lathe/pipeline/study.h"

namespace lathe::studies::gradient_vaccine {

// One network with four heads on Fashion-MNIST (data/image_tasks.h). Rows: mean test accuracy of GradVac
// beside sum, and what was changed.
void train_image_heads(int64_t num_train, int64_t steps, const pipeline::StudyContext& context,
                       pipeline::StudyResult& result);

}  // namespace lathe::studies::gradient_vaccine
