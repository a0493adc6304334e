#include "lathe/evaluate/checklist/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/suite_json.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;

constexpr const char* kResultsSchema = "lathe-checklist-results/1";

std::vector<CaseView> views(const Test& test, const Prediction* predictions) {
  std::vector<CaseView> cases;
  cases.reserve(static_cast<size_t>(test.num_run()));
  const size_t stride = test.cases.label_stride();
  for (int64_t i = 0; i < test.num_run(); ++i) {
    const int64_t index = test.run_case(i);
    const auto size = static_cast<size_t>(test.cases.end(index) - test.cases.begin(index));
    cases.push_back({predictions, size, test.cases.labels_of(index), stride, &test, index});
    predictions += size;
  }
  return cases;
}

// The original of an invariance or directional case is what the others are compared with: it does not count.
size_t first_that_counts(TestType type) {
  return type == TestType::kMft ? 0 : 1;
}

CaseStatus status(const double* outcomes, size_t size, TestType type) {
  bool applies = false;
  for (size_t i = first_that_counts(type); i < size; ++i) {
    if (std::isnan(outcomes[i])) continue;
    if (outcomes[i] <= 0) return CaseStatus::kFailed;
    applies = true;
  }
  return applies ? CaseStatus::kPassed : CaseStatus::kFiltered;
}

TestResult score_test(const Test& test, const std::vector<std::string>& classes,
                      const Prediction* predictions) {
  const std::vector<CaseView> cases = views(test, predictions);
  TestResult result;
  if (cases.empty()) return result;
  const Expectation expectation =
      test.expectation ? test.expectation : parse_expectation(test.expect, classes);
  try {
    result.outcomes = expectation(cases);
  } catch (const InputError& error) {
    throw InputError("test '{}': {}", test.name, error.what());
  }
  if (static_cast<int64_t>(result.outcomes.size()) != num_examples(test))
    throw Error("test '{}': the expectation gave {} outcomes for {} examples", test.name,
                result.outcomes.size(), num_examples(test));
  const double* at = result.outcomes.data();
  for (const CaseView& view : cases) {
    const CaseStatus of_case = status(at, view.size, test.type);
    result.cases.push_back(of_case);
    result.num_failed += of_case == CaseStatus::kFailed;
    result.num_filtered += of_case == CaseStatus::kFiltered;
    at += view.size;
  }
  return result;
}

// What a model of one's own may get wrong. Files are checked where they are read.
void check(const std::vector<Prediction>& predictions, const std::vector<std::string>& classes) {
  const auto num_classes = static_cast<int64_t>(classes.size());
  for (const Prediction& p : predictions) {
    if (num_classes > 0 && (p.label < 0 || p.label >= num_classes))
      throw Error("the model predicts the class {} of {}", p.label, num_classes);
    if (p.confidence.size() > 1 && p.confidence.size() != classes.size())
      throw Error("the model gives {} probabilities for {} classes", p.confidence.size(), num_classes);
    for (float value : p.confidence)
      if (!(value >= 0 && value <= 1 + 1e-4f)) throw Error("the model gives the probability {}", value);
  }
}

}  // namespace

double TestResult::failure_rate() const {
  return num_applicable() == 0 ? std::nan("")
                               : static_cast<double>(num_failed) / static_cast<double>(num_applicable());
}

math::Interval TestResult::interval() const {
  return num_applicable() == 0 ? math::Interval{0, 1} : math::wilson_interval(num_failed, num_applicable());
}

Results score(Suite suite, std::vector<Prediction> predictions, const std::string& model) {
  Results results{model, std::move(suite), std::move(predictions), {}};
  const int64_t expected = num_examples(results.suite);
  if (static_cast<int64_t>(results.predictions.size()) != expected)
    throw InputError("{} predictions for the {} examples of the suite", results.predictions.size(), expected);
  const Prediction* at = results.predictions.data();
  for (const Test& test : results.suite.tests) {
    results.tests.push_back(score_test(test, results.suite.classes, at));
    at += num_examples(test);
  }
  return results;
}

Results run(Suite suite, const Predictor& predictor, const RunOptions& options) {
  const Job job = flatten(suite);
  const auto n = static_cast<int64_t>(job.examples.size());
  std::vector<Prediction> predictions;
  predictions.reserve(job.examples.size());
  for (int64_t begin = 0; begin < n; begin += options.batch_size) {
    const int64_t end = std::min(n, begin + options.batch_size);
    std::vector<Prediction> batch =
        predictor(std::vector<Example>(job.examples.begin() + begin, job.examples.begin() + end));
    if (static_cast<int64_t>(batch.size()) != end - begin)
      throw Error("the model gave {} predictions for {} examples", batch.size(), end - begin);
    check(batch, suite.classes);
    std::move(batch.begin(), batch.end(), std::back_inserter(predictions));
  }
  return score(std::move(suite), std::move(predictions), options.model);
}

std::vector<double> worst_outcomes(const Test& test, const TestResult& result) {
  std::vector<double> worst;
  const double* at = result.outcomes.data();
  for (int64_t c = 0; c < test.num_run(); ++c) {
    const int64_t index = test.run_case(c);
    const auto size = static_cast<size_t>(test.cases.end(index) - test.cases.begin(index));
    worst.push_back(kNotApplicable);
    for (size_t i = first_that_counts(test.type); i < size; ++i)
      if (std::isnan(worst.back()) || at[i] < worst.back()) worst.back() = at[i];
    at += size;
  }
  return worst;
}

std::string to_text(const Results& results) {
  Json predictions = Json::array();
  for (const Prediction& p : results.predictions) {
    Json row = Json::array();
    if (p.label >= 0)
      row.push_back(p.label);
    else
      row.push_back(p.text);
    for (float value : p.confidence) row.push_back(value);
    predictions.push_back(std::move(row));
  }
  const Json json = {{"schema", kResultsSchema},
                     {"model", results.model},
                     {"suite", to_json(with_run_cases(results.suite))},
                     {"predictions", std::move(predictions)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Results parse_results(std::string_view text, const std::string& name) {
  const Json json = core::parse_json(text, name, "`lathe evaluate checklist run --out` writes a new one");
  if (!json.is_object() || json.value("schema", Json()) != kResultsSchema)
    throw InputError("{} holds no results; their first key is \"schema\": \"{}\"", name, kResultsSchema);
  for (const char* key : {"model", "suite", "predictions"})
    if (!json.contains(key)) throw InputError("{} must have the key '{}'", name, key);
  if (!json["model"].is_string() || !json["predictions"].is_array())
    throw InputError("{}: model must be a text and predictions a list", name);
  Suite suite = suite_from_json(json["suite"], name);
  const auto num_classes = static_cast<int64_t>(suite.classes.size());
  std::vector<Prediction> predictions;
  for (const Json& row : json["predictions"]) {
    const auto fail = [&](const char* message) {
      throw InputError("{}: predictions[{}] {}", name, predictions.size() - 1, message);
    };
    Prediction& p = predictions.emplace_back();
    if (!row.is_array() || row.empty()) fail("must be a list that begins with the answer");
    if (num_classes == 0 && !row[0].is_string()) fail("must begin with a text");
    if (num_classes > 0 && !(row[0].is_number_integer() && row[0] >= 0 && row[0] < num_classes))
      fail("must begin with a class");
    if (num_classes == 0)
      p.text = row[0].get<std::string>();
    else
      p.label = row[0].get<int64_t>();
    if (row.size() > 2 && row.size() != 1 + suite.classes.size())
      fail("must have a probability for each class");
    for (size_t i = 1; i < row.size(); ++i) {
      if (!row[i].is_number() || !(row[i] >= 0 && row[i] <= 1.001))
        fail("must have probabilities behind the answer");
      p.confidence.push_back(row[i].get<float>());
    }
  }
  try {
    return score(std::move(suite), std::move(predictions), json["model"].get<std::string>());
  } catch (const InputError& error) {
    throw InputError("{}: {}", name, error.what());
  }
}

Results read_results(const std::filesystem::path& file) {
  return parse_results(core::read_file(file), file.string());
}

}  // namespace lathe::evaluate::checklist
