#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/checklist/results.h"

// What people and programs see of results; the page is in html_report.h.
namespace lathe::evaluate::checklist {

// capability | MFT | INV | DIR: the range of failure rates, and how many tests: "0.0 – 91.7 % (3)".
core::Table matrix_table(const Results& results);
// test | capability | type | cases | failed | filtered | failure_rate | low | high; the interval is Wilson's,
// 95 %.
core::Table tests_table(const Results& results);

// One input and what the model said of it: "The food is not good." → positive 0.91.
std::string describe_example(const Results& results, size_t test, int64_t example, int64_t prediction);

// A case that failed.
struct FailedCase {
  size_t test = 0;
  int64_t run_case = 0;
  double worst = 0;  // its worst outcome
  std::string text;  // one line: the original and, of INV and DIR, the input that failed worst
};
// Of one test, the worst first, at most `most`.
std::vector<FailedCase> failed_cases(const Results& results, size_t test, size_t most);

// How often tests may fail.
struct Gates {
  std::optional<double> fail_above;  // any test
  // "Negation": 0.1. A pattern names capabilities or tests, see matches_test; the last that matches a test
  // holds for it.
  std::vector<std::pair<std::string, double>> by_pattern;
  std::optional<double> limit(const Test& test) const;
};
// "Negation=0.1"; throws InputError for another form and a rate outside [0, 1].
std::pair<std::string, double> parse_gate(const std::string& text);
// Throws InputError for a gate that names no test with cases: it would never fail.
void require_gates(const Suite& suite, const Gates& gates);
// Throws GateError that names the tests with a failure rate above their limit, and three failing examples.
// Refuses as require_gates does.
void check_gates(const Results& results, const Gates& gates);

// JUnit XML: a suite for each capability, a case for each test. A test fails above its gate, without one when
// a case fails; tests that did not run are skipped.
std::string junit_xml(const Results& results, const Gates& gates);

}  // namespace lathe::evaluate::checklist
