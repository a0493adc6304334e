#pragma once
#include "lathe/pipeline/study.h"

// That the surgery of the study `gradient-vaccine` is exact, and what it costs.
namespace lathe::studies::gradient_vaccine {

// Rows: the cosine after a change is its target; β = 0 is PCGrad; similarity and norm as the paper's formula.
void check_exactness(core::Seed seed, pipeline::StudyResult& result);

// LibMTL's GradVac and PCGrad on the same gradients: values where the order of tasks does not matter, and
// time. A note where they are not there.
void compare_with_libmtl(core::Seed seed, const core::StopToken& stop, pipeline::StudyResult& result);

// The translator's training step with GradVac / without, 8 languages.
void time_steps(const pipeline::StudyContext& context, pipeline::StudyResult& result);

}  // namespace lathe::studies::gradient_vaccine
