#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/report.h"

// What can be done with cases that fail.
namespace lathe::evaluate::checklist {

// Failing inputs with the label they should have, to train on: a column (or key) for each field, and `label`.
//   MFT  inputs that failed, with the test's label
//   INV  inputs whose answer moved, with the test's label, or without one with the answer to the original
//   DIR  only where the test has labels
enum class FailuresFormat { kCsv, kJsonl };
std::string failures_text(const Results& results, FailuresFormat format);

// A failing case that fails without words it does not need.
struct MinimalFailure {
  std::vector<Example> examples;  // one of an MFT, the original and the changed one otherwise
  std::vector<Prediction> predictions;
  int64_t num_removed = 0;  // words
};
// Greedy: tries to leave out each word (of INV and DIR cases: each word that original and changed text
// share), keeps the first reduced case that still fails, until none does. The model is asked once a round,
// with all candidates. `failed` is one of failed_cases(). Throws InputError for a test with an expectation of
// its own.
MinimalFailure minimal_failure(const Results& results, const FailedCase& failed, const Predictor& predictor);

}  // namespace lathe::evaluate::checklist
