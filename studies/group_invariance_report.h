#pragma once
#include "lathe/pipeline/study.h"
#include "studies/group_invariance_runs.h"

// The rows and charts of the study `group-invariance`.
namespace lathe::studies::group_invariance {

void report_gated(const Results& results, pipeline::StudyResult& result);       // the rows with bars
void report_sign(const Results& results, pipeline::StudyResult& result);        // PGI − ERM on sg, above 0
void report_accuracies(const Results& results, pipeline::StudyResult& result);  // a row for each cell
void report_partition(const Results& results, pipeline::StudyResult& result);
void chart_weights(const Results& results, pipeline::StudyResult& result);

}  // namespace lathe::studies::group_invariance
