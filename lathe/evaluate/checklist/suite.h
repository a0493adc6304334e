#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/test.h"

namespace lathe::evaluate::checklist {

// Tests of one task: the cells capability × test type of Ribeiro et al.'s matrix.
struct Suite {
  std::string name, description;
  std::vector<std::string> fields = {"text"};  // names of an input's texts
  std::vector<std::string> classes;            // of predictions and labels; empty: answers are texts
  std::vector<Test> tests;
};

// The matrix's rows (Ribeiro et al. 2020, §2.1) in their order, then those of the suite that are not among
// them.
std::vector<std::string> capabilities(const Suite& suite);
std::vector<std::string> standard_capabilities();

// A suite whose tests run at most `num_cases` cases each, drawn without replacement. The draw is kept in
// Test::sample and so in the suite's file: predictions made yesterday fit the same cases today. A test's draw
// depends on its name alone.
Suite with_sample(Suite suite, int64_t num_cases, uint64_t seed);

// The tests whose name, or "capability/name", matches one of the patterns (`*` stands for any text). Throws
// InputError where a pattern matches none.
Suite with_tests(Suite suite, const std::vector<std::string>& patterns);
bool matches_test(const std::string& capability, const std::string& name,
                  const std::vector<std::string>& patterns);

// A suite of the cases that run alone.
Suite with_run_cases(const Suite& suite);

// One line for each test that has no cases.
std::vector<std::string> warnings(const Suite& suite);

// What a model has to answer, in order: test by test, case by case, the original first.
struct Job {
  std::vector<Example> examples;
  std::vector<int64_t> ends;  // where each test ends, in examples
};
Job flatten(const Suite& suite);
int64_t num_examples(const Suite& suite);  // of the job
int64_t num_examples(const Test& test);

}  // namespace lathe::evaluate::checklist
