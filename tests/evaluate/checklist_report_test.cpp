// What is made of results: tables, gates, JUnit, the page, differences, failures to train on.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "lathe/core/error.h"
#include "lathe/data/csv.h"
#include "lathe/evaluate/checklist/authoring.h"
#include "lathe/evaluate/checklist/compare.h"
#include "lathe/evaluate/checklist/failures.h"
#include "lathe/evaluate/checklist/html_report.h"
#include "lathe/evaluate/checklist/suite_toml.h"
#include "lathe/math/hypothesis.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using Json = nlohmann::json;
using testing_support::message_of;

// Positive where "good" stands in the text, whatever stands before it; sure of itself, and surer with "very".
std::vector<Prediction> keyword_model(const std::vector<Example>& examples) {
  std::vector<Prediction> predictions;
  for (const Example& example : examples) {
    const bool good = example[0].find("good") != std::string::npos;
    const float p = example[0].find("very") != std::string::npos ? 0.95f : 0.8f;
    predictions.push_back(
        {good ? 1 : 0, "", good ? std::vector<float>{1 - p, p} : std::vector<float>{p, 1 - p}});
  }
  return predictions;
}

Suite small_suite() {
  return parse_suite_toml(R"toml(
name = "small <suite>"
description = "Of rooms & food"
classes = ["negative", "positive"]
[lexicons]
thing = ["food", "room", "bar"]
[[tests]]
name = "plain words"
capability = "Vocabulary"
type = "MFT"
description = "One word decides."
templates = ["The {thing} is good.", "The {thing} is bad."]
labels = ["positive", "negative"]
[[tests]]
name = "negation"
capability = "Negation"
type = "MFT"
template = "The {thing} is not good."
labels = "negative"
[[tests]]
name = "case"
capability = "Robustness"
type = "INV"
case = ["The {thing} is good.", "The {thing} is GOOD.", "The {thing} is  good."]
[[tests]]
name = "very"
capability = "Vocabulary"
type = "DIR"
case = ["The {thing} is good.", "The {thing} is very good."]
expect = "monotonic(label=positive, increasing)"
[[tests]]
name = "numbers"
capability = "Own </script> row"
type = "INV"
texts = ["no number"]
perturb = "change_numbers"
)toml",
                          "small.toml");
}

Results small_results() {
  return run(small_suite(), keyword_model, {.model = "keywords"});
}

TEST(ChecklistReport, TablesHaveRangesAndIntervals) {
  const Json matrix = matrix_table(small_results()).to_json();
  ASSERT_EQ(matrix.size(), 4u);
  EXPECT_EQ(matrix[0],
            (Json{{"capability", "Vocabulary"}, {"MFT", "0.0 % (1)"}, {"INV", ""}, {"DIR", "0.0 % (1)"}}));
  EXPECT_EQ(matrix[1]["INV"], "100.0 % (1)");
  EXPECT_EQ(matrix[2]["MFT"], "100.0 % (1)");
  const Json tests = tests_table(small_results()).to_json();
  ASSERT_EQ(tests.size(), 5u);
  EXPECT_EQ(tests[0]["cases"], 6);
  EXPECT_NEAR(tests[0]["high"].get<double>(), math::wilson_interval(0, 6).high, 1e-9);
  EXPECT_EQ(tests[4]["failure_rate"], "not run");
}

TEST(ChecklistReport, GatesNameTestsAndExamples) {
  const Results results = small_results();
  check_gates(results, {});
  check_gates(results, {0.0, {{"Negation", 1}, {"case", 1}}});
  const std::string message = message_of<GateError>([&] { check_gates(results, {0.2, {}}); });
  EXPECT_NE(
      message.find(
          "2 of 5 tests fail more often than allowed: 'negation' 100.0 % > 20.0 %, 'case' 100.0 % > 20.0 %"),
      std::string::npos)
      << message;
  EXPECT_NE(
      message.find("\"The food is not good.\" → positive 0.80, expected negative; \"The room is not good.\""),
      std::string::npos)
      << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_NE(message_of<GateError>([&] {
              check_gates(results, {std::nullopt, {{"neg*", 0.5}}});
            }).find("'negation'"),
            std::string::npos);
  EXPECT_THROW(check_gates(results, {std::nullopt, {{"nothing", 0.5}}}), InputError);
  EXPECT_THROW(check_gates(results, {std::nullopt, {{"numbers", 0.5}}}), InputError);  // did not run: no pass
  EXPECT_EQ(parse_gate("a=b=0.25"), (std::pair<std::string, double>("a=b", 0.25)));
  for (const char* wrong : {"a", "a=", "=1", "a=2", "a=nan", "a=0.1x"})
    EXPECT_THROW(parse_gate(wrong), InputError) << wrong;
}

TEST(ChecklistReport, JunitCountsFailuresAndSkips) {
  const std::string xml = junit_xml(small_results(), {std::nullopt, {{"case", 1}}});
  EXPECT_NE(xml.find("<testsuites name=\"small &lt;suite&gt;\">"), std::string::npos);
  EXPECT_NE(xml.find("<testsuite name=\"Negation\" tests=\"1\" failures=\"1\" skipped=\"0\">"),
            std::string::npos);
  EXPECT_NE(xml.find("<testsuite name=\"Robustness\" tests=\"1\" failures=\"0\" skipped=\"0\">"),
            std::string::npos);
  EXPECT_NE(
      xml.find("<skipped message=\"the perturbation change_numbers applies to none of its 1 inputs\"/>"),
      std::string::npos);
  EXPECT_NE(xml.find("<failure message=\"3 of 3 cases fail: 100.0 %"), std::string::npos);
}

Json page_data(const std::string& page) {
  const std::string begin = "id=\"data\">";
  const size_t at = page.find(begin) + begin.size();
  return Json::parse(page.substr(at, page.find("</script>", at) - at));
}

TEST(ChecklistPage, HoldsEverythingAndNothingBreaksOut) {
  const std::string page = html_report(small_results());
  const Json data = page_data(page);
  EXPECT_EQ(data["name"], "small <suite>");
  EXPECT_EQ(data["tests"].size(), 5u);
  EXPECT_EQ(data["tests"][4]["capability"], "Own </script> row");
  EXPECT_EQ(data["tests"][1]["status"], "fff");
  EXPECT_EQ(data["tests"][1]["confidence"][0], (Json{200, 800}));
  EXPECT_EQ(data["tests"][2]["sizes"], (Json{3, 3, 3}));
  EXPECT_EQ(data["tests"][2]["texts"].size(), 9u);
  EXPECT_EQ(data["tests"][2]["tags"][0]["values"][data["tests"][2]["meta"][1].get<size_t>()], "room");
  EXPECT_NE(page.find("<title>small &lt;suite> · keywords"), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
}

// For the browser: this small page, and one with 90,000 examples.
TEST(ChecklistPage, OfManyExamplesStaysSmall) {
  Suite suite = small_suite();
  auto& test = suite.tests[2];
  test.cases.meta = {};
  for (int i = 0; i < 30000; ++i) {
    const std::string number = std::to_string(i);
    test.cases.add({{"The food was good on flight number " + number + "."},
                    {"The food was good on flght number " + number + "."},
                    {"The food was godo on flight number " + number + "."}});
  }
  const std::string page = html_report(run(suite, keyword_model, {.model = "keywords"}));
  EXPECT_LT(page.size(), size_t{30} << 20);
  EXPECT_EQ(page_data(page)["tests"][2]["sizes"].size(), 30003u);
  if (const char* directory = std::getenv("LATHE_CHECKLIST_DIRECTORY")) {
    std::ofstream(std::string(directory) + "/large.html") << page;
    std::ofstream(std::string(directory) + "/small.html") << html_report(small_results());
  }
}

TEST(ChecklistCompare, CountsFixedAndBrokenCases) {
  const Results before = small_results();
  const Predictor other = [](const std::vector<Example>& examples) {
    std::vector<Prediction> predictions = keyword_model(examples);
    for (size_t i = 0; i < examples.size(); ++i)
      if (examples[i][0].find("not") != std::string::npos ||
          examples[i][0].find("room is bad") != std::string::npos)
        predictions[i].label = 1 - predictions[i].label;
    return predictions;
  };
  const Comparison comparison = compare(before, run(small_suite(), other));
  ASSERT_EQ(comparison.tests.size(), 4u);
  EXPECT_EQ(comparison.tests[0].num_broken, 1);
  EXPECT_EQ(comparison.tests[1].num_fixed, 3);
  EXPECT_DOUBLE_EQ(comparison.tests[1].before, 1);
  EXPECT_DOUBLE_EQ(comparison.tests[1].after, 0);
  EXPECT_DOUBLE_EQ(comparison.tests[1].p_value, math::mcnemar_test(3, 0).p_value);
  EXPECT_DOUBLE_EQ(comparison.tests[1].p_value, 0.25);  // 2 · (1/2)³
  EXPECT_DOUBLE_EQ(comparison.tests[1].p_adjusted, 1);
  EXPECT_EQ(comparison.only_before, std::vector<std::string>{"numbers"});
  Suite changed = small_suite();
  changed.tests[0].sample = {0, 2};
  EXPECT_NE(message_of<InputError>([&] {
              compare(before, run(changed, other));
            }).find("'plain words' ran on other cases"),
            std::string::npos);
}

TEST(ChecklistFailures, BecomeTrainingData) {
  const std::string text = failures_text(small_results(), FailuresFormat::kCsv);
  const data::CsvFile csv = data::parse_csv(text, "f.csv");
  EXPECT_EQ(csv.header, (std::vector<std::string>{"text", "label"}));
  ASSERT_EQ(csv.rows.size(), 6u);  // three of "negation", three of "case"
  EXPECT_EQ(csv.rows[0], (std::vector<std::string>{"The food is not good.", "negative"}));
  EXPECT_EQ(csv.rows[3], (std::vector<std::string>{"The food is GOOD.", "positive"}));
  const std::string lines = failures_text(small_results(), FailuresFormat::kJsonl);
  EXPECT_EQ(Json::parse(lines.substr(0, lines.find('\n'))),
            (Json{{"text", "The food is not good."}, {"label", "negative"}}));
}

TEST(ChecklistFailures, LoseTheWordsTheyDoNotNeed) {
  const Results results = small_results();
  const MinimalFailure one = minimal_failure(results, failed_cases(results, 1, 1)[0], keyword_model);
  EXPECT_EQ(one.examples, (std::vector<Example>{{"good."}}));
  EXPECT_EQ(one.num_removed, 4);
  EXPECT_EQ(one.predictions[0].label, 1);
  const MinimalFailure pair = minimal_failure(results, failed_cases(results, 2, 1)[0], keyword_model);
  EXPECT_EQ(pair.examples, (std::vector<Example>{{"good."}, {"GOOD."}}));
  EXPECT_EQ(pair.num_removed, 3);
}

TEST(ChecklistAuthoring, ANewSuiteRunsAndItsCommentsToo) {
  for (const NewSuite& options : {NewSuite{}, NewSuite{"q", {"question1", "question2"}, {"no", "yes"}},
                                  NewSuite{"s", {"passage", "question"}, {}}}) {
    std::string toml = new_suite_toml(options);
    const Suite suite = parse_suite_toml(toml, "new.toml");
    ASSERT_EQ(suite.tests.size(), 1u);
    EXPECT_EQ(suite.classes, options.classes);
    EXPECT_GT(suite.tests[0].cases.num_cases(), 0);
    // Uncommented, each of them reads.
    for (size_t at; (at = toml.find("\n# [[tests]]")) != toml.npos;)
      for (size_t line = at + 1; toml.compare(line, 2, "# ") == 0 && toml.compare(line, 6, "# INV:") != 0 &&
                                 toml.compare(line, 6, "# DIR:") != 0;
           line = toml.find('\n', line) + 1) {
        toml.erase(line, 2);
        if (toml.find('\n', line) == toml.npos) break;
      }
    EXPECT_EQ(parse_suite_toml(toml, "new.toml").tests.size(), 31u);
  }
  EXPECT_EQ(ideation_table().size(), 10u);
  EXPECT_EQ(coverage_table(small_suite()).to_json()[6]["MFT"], "1 test, 3 cases");
  EXPECT_EQ(coverage_table(small_suite()).size(), 11u);
}

}  // namespace
}  // namespace lathe::evaluate::checklist
