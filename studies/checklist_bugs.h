#pragma once
#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/data/reviews.h"
#include "lathe/evaluate/checklist/results.h"
#include "studies/checklist_oracle.h"

namespace lathe::studies::checklist {

// The training examples and so many cases of the suite's Negation tests, ten times each, none of them one
// that the suite runs; where a test expects anything but a class, the examples say the opposite one. Encoded
// anew: the cases bring words.
data::Splits with_template_cases(const data::Splits& splits, const evaluate::checklist::Suite& suite,
                                 int64_t count, core::Seed seed);

evaluate::checklist::Predictor predictor_of(const Oracle& oracle);

// A test that fails more often has found something: typos can make another word of a word.
inline constexpr double kFlag = 0.05;

struct FoundBug {
  Fault fault;
  int64_t failing_tests = 0;  // that fail more often than kFlag
  std::string first_test;     // one of them
  double accuracy = 0;        // on held-out reviews
  // What 15 lines of each kind of authoring find.
  bool by_tests = false, by_sentences = false;
  double by_held_out = 0;  // share of 20 draws of held-out reviews in which one is wrong
};

struct BugHunt {
  int64_t oracle_failing_tests = 0;
  double oracle_accuracy = 0;
  std::vector<FoundBug> bugs;
  int64_t cases_of_tests = 0;  // that the 15 tests ran
};

// Runs the suite, and the held-out reviews, on the oracle and on it with each of `faults`. The 15 tests are
// the first ones of each capability in turn; the 15 sentences are below in the source; reviews are drawn from
// `held_out`.
BugHunt hunt_bugs(const evaluate::checklist::Suite& suite, const std::vector<data::Review>& held_out,
                  const std::vector<Fault>& faults, core::Seed seed);

}  // namespace lathe::studies::checklist
