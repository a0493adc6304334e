#pragma once
#include "lathe/pipeline/study.h"
#include "studies/gradient_vaccine_runs.h"
#include "studies/gradient_vaccine_tagging.h"

namespace lathe::studies::gradient_vaccine {

// Similarity against distance of languages, part by part of the network, with a heat map for the embedding
// and for the first layer; and against what joint training gains.
void report_similarity(const Results& results, pipeline::StudyResult& result);
// BLEU of the methods, and how often they changed a pair.
void report_translation(const Results& results, pipeline::StudyResult& result);
void report_tagging(const std::vector<Tagging>& taggings, pipeline::StudyResult& result);

}  // namespace lathe::studies::gradient_vaccine
