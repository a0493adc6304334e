#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluate/checklist/suite.h"
#include "lathe/math/intervals.h"

namespace lathe::evaluate::checklist {

enum class CaseStatus : char {
  kPassed,
  kFailed,
  kFiltered
};  // filtered: the expectation says nothing about it

struct TestResult {
  std::vector<double> outcomes;   // by example run; kNotApplicable is NaN
  std::vector<CaseStatus> cases;  // by case run
  int64_t num_failed = 0, num_filtered = 0;
  int64_t num_applicable() const { return static_cast<int64_t>(cases.size()) - num_filtered; }
  double failure_rate() const;      // failed / (cases - filtered); NaN where nothing is left
  math::Interval interval() const;  // Wilson, 95 %; [0, 1] where nothing is left
};

// What a suite found in a model.
struct Results {
  std::string model;
  Suite suite;
  std::vector<Prediction> predictions;  // in the order of flatten()
  std::vector<TestResult> tests;        // beside the suite's
};

// A case passes when all outcomes of its examples are above 0; those that are not applicable do not count,
// and the original of an INV or DIR case neither. Throws InputError unless there is one prediction for each
// example of flatten(suite).
Results score(Suite suite, std::vector<Prediction> predictions, const std::string& model = "");

struct RunOptions {
  std::string model;         // its name in reports
  int64_t batch_size = 256;  // examples that the predictor gets at once
};
// Asks the model. Throws Error for predictions that are too many, too few or no probabilities.
Results run(Suite suite, const Predictor& predictor, const RunOptions& options = {});

// The worst outcome of each case that ran, of those that count; kNotApplicable where there is none.
std::vector<double> worst_outcomes(const Test& test, const TestResult& result);

// {"schema": "lathe-checklist-results/1", "model", "suite": the cases that ran (suite_json.h), "predictions":
// [[label or text, confidences …], …]}. Reading scores again, so that numbers and cases cannot disagree.
std::string to_text(const Results& results);
Results parse_results(std::string_view text, const std::string& name);
Results read_results(const std::filesystem::path& file);

}  // namespace lathe::evaluate::checklist
