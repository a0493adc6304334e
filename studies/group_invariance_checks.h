#pragma once
#include "lathe/pipeline/study.h"
#include "studies/group_invariance_runs.h"

namespace lathe::studies::group_invariance {

// Timing rows on one thread: a PGI step beside a plain one, and the inference of the parts beside an epoch.
void time_steps(const Network& network, const pipeline::StudyContext& context, pipeline::StudyResult& result);

// Our penalties on one batch of logits beside DomainBed's; a note where it is not there.
void compare_with_domainbed(core::Seed seed, pipeline::StudyResult& result);

}  // namespace lathe::studies::group_invariance
