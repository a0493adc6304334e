#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/subjective/check.h"
#include "lathe/evaluate/subjective/evaluation.h"
#include "lathe/evaluate/subjective/stats.h"
#include "lathe/pipeline/report.h"

namespace lathe::pipeline {

struct SubjectiveReport {
  evaluate::subjective::Specification specification;
  evaluate::subjective::CheckReport check;
  evaluate::subjective::Stats stats;
  std::vector<evaluate::subjective::Evaluation> evaluations;  // one a model; may be empty
};

// Whose opinion do these models serve? Verdicts, who is served worse, who is excluded, on which samples,
// where people disagree, what the specification says and which checks fail. Suppressed groups are in no table
// and no chart but by name.
Page subjective_page(const SubjectiveReport& report, const std::string& subtitle);

}  // namespace lathe::pipeline
