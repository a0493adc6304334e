#pragma once
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/checklist/results.h"

// Two models on the same cases: did the second break what the first could do?
namespace lathe::evaluate::checklist {

struct TestChange {
  std::string name, capability;
  TestType type = TestType::kMft;
  int64_t num_cases = 0;         // to which the expectation applies with both models
  double before = 0, after = 0;  // failure rates on those
  int64_t num_fixed = 0;         // failed before, passes now
  int64_t num_broken = 0;        // passed before, fails now
  double p_value = 1;            // McNemar's exact test: as many broken as fixed
  double p_adjusted = 1;         // for the number of tests
};
struct Comparison {
  std::vector<TestChange> tests;                     // in the order of the first
  std::vector<std::string> only_before, only_after;  // tests that only one of them has, or ran
};

enum class Adjustment { kHolm, kBenjaminiHochberg };
Adjustment parse_adjustment(const std::string& name);  // holm, bh

// Throws InputError where a test of both ran on other cases, or no test is in both.
Comparison compare(const Results& before, const Results& after, Adjustment adjustment = Adjustment::kHolm);
core::Table comparison_table(const Comparison& comparison);

}  // namespace lathe::evaluate::checklist
