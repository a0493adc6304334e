#include "lathe/evaluate/checklist/compare.h"

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/data/text.h"
#include "lathe/math/hypothesis.h"

namespace lathe::evaluate::checklist {
namespace {

std::optional<size_t> find_test(const Results& results, const std::string& name) {
  for (size_t t = 0; t < results.tests.size(); ++t)
    if (results.suite.tests[t].name == name && !results.tests[t].cases.empty()) return t;
  return std::nullopt;
}

bool same_cases(const Test& a, const Test& b) {
  const auto run = [](const Test& test) {
    return test.sample.empty() ? test.cases : selected(test.cases, test.sample);
  };
  const Cases first = run(a), second = run(b);
  return first.ends == second.ends && first.texts == second.texts;
}

TestChange change(const Test& test, const TestResult& before, const TestResult& after) {
  TestChange result{test.name, test.capability, test.type};
  int64_t failed_before = 0, failed_after = 0;
  for (size_t c = 0; c < before.cases.size(); ++c) {
    if (before.cases[c] == CaseStatus::kFiltered || after.cases[c] == CaseStatus::kFiltered) continue;
    const bool was = before.cases[c] == CaseStatus::kFailed, is = after.cases[c] == CaseStatus::kFailed;
    ++result.num_cases;
    failed_before += was;
    failed_after += is;
    result.num_fixed += was && !is;
    result.num_broken += !was && is;
  }
  if (result.num_cases > 0) {
    result.before = static_cast<double>(failed_before) / static_cast<double>(result.num_cases);
    result.after = static_cast<double>(failed_after) / static_cast<double>(result.num_cases);
  }
  if (result.num_fixed + result.num_broken > 0)
    result.p_value = math::mcnemar_test(result.num_broken, result.num_fixed).p_value;
  return result;
}

}  // namespace

Adjustment parse_adjustment(const std::string& name) {
  if (name == "holm") return Adjustment::kHolm;
  if (name == "bh") return Adjustment::kBenjaminiHochberg;
  throw InputError("p-values are adjusted by holm or bh, got '{}'", data::excerpt(name));
}

Comparison compare(const Results& before, const Results& after, Adjustment adjustment) {
  Comparison comparison;
  for (size_t t = 0; t < before.tests.size(); ++t) {
    const Test& test = before.suite.tests[t];
    const auto other = find_test(after, test.name);
    if (!other || before.tests[t].cases.empty()) {
      comparison.only_before.push_back(test.name);
      continue;
    }
    if (!same_cases(test, after.suite.tests[*other]))
      throw InputError("the test '{}' ran on other cases with {}; run both models on one suite file",
                       test.name, after.model.empty() ? "the second model" : after.model);
    comparison.tests.push_back(change(test, before.tests[t], after.tests[*other]));
  }
  for (const Test& test : after.suite.tests)
    if (!find_test(before, test.name)) comparison.only_after.push_back(test.name);
  if (comparison.tests.empty()) throw InputError("the two results have no test in common");
  std::vector<double> p_values;
  for (const TestChange& one : comparison.tests) p_values.push_back(one.p_value);
  const std::vector<double> adjusted =
      adjustment == Adjustment::kHolm ? math::holm(p_values) : math::benjamini_hochberg(p_values);
  for (size_t i = 0; i < adjusted.size(); ++i) comparison.tests[i].p_adjusted = adjusted[i];
  return comparison;
}

core::Table comparison_table(const Comparison& comparison) {
  core::Table table(
      {"test", "capability", "type", "cases", "before", "after", "fixed", "broken", "p", "p_adjusted"});
  for (const TestChange& one : comparison.tests)
    table.add({one.name, one.capability, to_string(one.type), one.num_cases, core::Cell(one.before, 3),
               core::Cell(one.after, 3), one.num_fixed, one.num_broken, core::Cell(one.p_value, 3),
               core::Cell(one.p_adjusted, 3)});
  return table;
}

}  // namespace lathe::evaluate::checklist
