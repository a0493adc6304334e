#include "lathe/evaluate/checklist/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/data/text.h"

namespace lathe::evaluate::checklist {
namespace {

constexpr double kPercent = 100;

int64_t first_example(const Results& results, size_t test) {
  int64_t at = 0;
  for (size_t t = 0; t < test; ++t) at += num_examples(results.suite.tests[t]);
  return at;
}

std::string answer_of(const Results& results, const Prediction& prediction) {
  const bool named = prediction.label >= 0;
  std::string text = named ? results.suite.classes[static_cast<size_t>(prediction.label)]
                           : '"' + data::excerpt(prediction.text) + '"';
  if (!prediction.confidence.empty()) {
    const bool one = prediction.confidence.size() == 1;
    text += fmt::format(" {:.2f}", prediction.confidence[one ? 0 : static_cast<size_t>(prediction.label)]);
  }
  return text;
}

// "0.0 – 91.7 % (3)"
std::string cell(const Results& results, const std::string& capability, TestType type) {
  double low = 2, high = -1;
  int64_t count = 0;
  for (size_t t = 0; t < results.tests.size(); ++t) {
    const Test& test = results.suite.tests[t];
    if (test.capability != capability || test.type != type || results.tests[t].num_applicable() == 0)
      continue;
    low = std::min(low, results.tests[t].failure_rate());
    high = std::max(high, results.tests[t].failure_rate());
    ++count;
  }
  if (count == 0) return "";
  const std::string range = low == high ? fmt::format("{:.1f} %", kPercent * low)
                                        : fmt::format("{:.1f} – {:.1f} %", kPercent * low, kPercent * high);
  return fmt::format("{} ({})", range, count);
}

std::string percent(double rate) {
  return fmt::format("{:.1f} %", kPercent * rate);
}

}  // namespace

core::Table matrix_table(const Results& results) {
  core::Table table({"capability", "MFT", "INV", "DIR"});
  for (const std::string& row : capabilities(results.suite))
    table.add({row, cell(results, row, TestType::kMft), cell(results, row, TestType::kInv),
               cell(results, row, TestType::kDir)});
  return table;
}

core::Table tests_table(const Results& results) {
  core::Table table(
      {"test", "capability", "type", "cases", "failed", "filtered", "failure_rate", "low", "high"});
  for (const std::string& row : capabilities(results.suite)) {
    for (size_t t = 0; t < results.tests.size(); ++t) {
      const Test& test = results.suite.tests[t];
      if (test.capability != row) continue;
      const TestResult& result = results.tests[t];
      const math::Interval interval = result.interval();
      const bool applies = result.num_applicable() > 0;
      table.add({test.name, row, to_string(test.type), static_cast<int64_t>(result.cases.size()),
                 result.num_failed, result.num_filtered,
                 applies ? core::Cell(result.failure_rate(), 3)
                         : core::Cell(result.cases.empty() ? "not run" : "filtered"),
                 applies ? core::Cell(interval.low, 3) : core::Cell(""),
                 applies ? core::Cell(interval.high, 3) : core::Cell("")});
    }
  }
  return table;
}

std::string describe_example(const Results& results, size_t t, int64_t example, int64_t prediction) {
  std::string text;
  for (const std::string& field : results.suite.tests[t].cases.example(example))
    text += (text.empty() ? "" : " | ") + data::excerpt(field);
  return fmt::format("\"{}\" → {}", text,
                     answer_of(results, results.predictions[static_cast<size_t>(prediction)]));
}

std::vector<FailedCase> failed_cases(const Results& results, size_t t, size_t most) {
  const Test& test = results.suite.tests[t];
  const TestResult& result = results.tests[t];
  const std::vector<double> worst = worst_outcomes(test, result);
  std::vector<FailedCase> failed;
  for (size_t c = 0; c < result.cases.size(); ++c)
    if (result.cases[c] == CaseStatus::kFailed) failed.push_back({t, static_cast<int64_t>(c), worst[c], ""});
  std::stable_sort(failed.begin(), failed.end(),
                   [](const FailedCase& a, const FailedCase& b) { return a.worst < b.worst; });
  if (failed.size() > most) failed.resize(most);
  const int64_t offset = first_example(results, t);
  std::vector<int64_t> begins(1, 0);
  for (int64_t c = 0; c < test.num_run(); ++c)
    begins.push_back(begins.back() + test.cases.end(test.run_case(c)) - test.cases.begin(test.run_case(c)));
  for (FailedCase& one : failed) {
    const int64_t index = test.run_case(one.run_case), begin = begins[static_cast<size_t>(one.run_case)];
    int64_t e = test.type == TestType::kMft ? 0 : 1;
    while (result.outcomes[static_cast<size_t>(begin + e)] != one.worst) ++e;
    const auto describe = [&](int64_t k) {
      return describe_example(results, t, test.cases.begin(index) + k, offset + begin + k);
    };
    one.text = test.type == TestType::kMft ? describe(e) : describe(0) + ", but " + describe(e);
    const Label* labels = test.cases.labels_of(index);
    if (test.type != TestType::kMft || labels == nullptr) continue;
    const Label& label = labels[static_cast<size_t>(e) * test.cases.label_stride()];
    one.text += ", expected " +
                (label.index >= 0 ? results.suite.classes[static_cast<size_t>(label.index)] : label.text);
  }
  return failed;
}

std::optional<double> Gates::limit(const Test& test) const {
  std::optional<double> limit = fail_above;
  for (const auto& [pattern, rate] : by_pattern)
    if (test.capability == pattern || matches_test(test.capability, test.name, {pattern})) limit = rate;
  return limit;
}

std::pair<std::string, double> parse_gate(const std::string& text) {
  const size_t equals = text.rfind('=');
  double rate = -1;
  if (equals != text.npos && equals > 0) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + equals + 1, end, rate);
    if (error != std::errc() || stop != end) rate = -1;
  }
  if (!(rate >= 0 && rate <= 1))
    throw InputError("a gate is NAME=RATE with a rate in [0, 1], such as Negation=0.1, got '{}'",
                     data::excerpt(text));
  return {text.substr(0, equals), rate};
}

void require_gates(const Suite& suite, const Gates& gates) {
  std::vector<std::string> names;
  for (const Test& test : suite.tests)
    if (test.num_run() > 0) names.insert(names.end(), {test.capability, test.name});
  for (const auto& [pattern, rate] : gates.by_pattern) {
    const bool names_one =
        std::any_of(suite.tests.begin(), suite.tests.end(), [&pattern = pattern](const Test& test) {
          return test.num_run() > 0 &&
                 (test.capability == pattern || matches_test(test.capability, test.name, {pattern}));
        });
    if (names_one) continue;
    const auto near = core::nearest(pattern, names);
    throw InputError("the gate '{}' names no capability and no test that is run{}", data::excerpt(pattern),
                     near ? "; did you mean '" + *near + "'?" : "");
  }
}

void check_gates(const Results& results, const Gates& gates) {
  require_gates(results.suite, gates);
  std::vector<std::string> failures, examples;
  for (size_t t = 0; t < results.tests.size(); ++t) {
    const std::optional<double> limit = gates.limit(results.suite.tests[t]);
    if (!limit || !(results.tests[t].failure_rate() > *limit)) continue;
    failures.push_back(fmt::format("'{}' {} > {}", data::excerpt(results.suite.tests[t].name),
                                   percent(results.tests[t].failure_rate()), percent(*limit)));
    constexpr size_t kExamples = 3;
    for (const FailedCase& failed : failed_cases(results, t, kExamples))
      if (examples.size() < kExamples) examples.push_back(failed.text);
  }
  if (failures.empty()) return;
  constexpr size_t kMostNamed = 5;
  const size_t more = failures.size() > kMostNamed ? failures.size() - kMostNamed : 0;
  failures.resize(failures.size() - more);
  throw GateError("{} of {} tests fail more often than allowed: {}{}; e.g. {}", failures.size() + more,
                  results.tests.size(), fmt::join(failures, ", "),
                  more > 0 ? fmt::format(" and {} more", more) : "", fmt::join(examples, "; "));
}

}  // namespace lathe::evaluate::checklist
