// What passes and what fails.
#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/checklist/results.h"
#include "tests/support/message.h"

namespace lathe::evaluate::checklist {
namespace {

using testing_support::message_of;

const std::vector<std::string> kClasses = {"negative", "neutral", "positive"};

Prediction softmax(std::vector<float> p) {
  Prediction result;
  result.label = std::max_element(p.begin(), p.end()) - p.begin();
  result.confidence = std::move(p);
  return result;
}

// The outcomes of one case: an original and what was made of it.
std::vector<double> outcomes(const std::string& expect, const std::vector<Prediction>& predictions,
                             const std::vector<std::string>& classes, std::vector<Label> labels = {}) {
  CaseView view{predictions.data(), predictions.size(), labels.empty() ? nullptr : labels.data()};
  return parse_expectation(expect, classes)({view});
}

const std::vector<std::string> kTwo = {"no", "yes"};

TEST(ChecklistExpectation, InvAllowsTheToleranceOnTheOriginalsClass) {
  EXPECT_GT(outcomes("inv(0.1)", {softmax({.45f, .55f}), softmax({.52f, .48f})}, kTwo)[1], 0);
  EXPECT_NEAR(outcomes("inv(0.1)", {softmax({.45f, .55f}), softmax({.70f, .30f})}, kTwo)[1], -0.25, 1e-6);
  EXPECT_GT(outcomes("inv(0.1)", {softmax({.45f, .55f}), softmax({.01f, .99f})}, kTwo)[1], 0);  // same class
  EXPECT_GT(outcomes("inv", {softmax({.45f, .55f}), softmax({.55f, .45f})}, kTwo)[1],
            0);  // exactly the tolerance
  EXPECT_LE(outcomes("inv(0)", {softmax({.45f, .55f}), softmax({.52f, .48f})}, kTwo)[1], 0);
}

// Three classes: what counts is the original's class, whatever the new largest is.
TEST(ChecklistExpectation, InvLooksAtTheOriginalsClass) {
  EXPECT_NEAR(outcomes("inv(0.1)", {softmax({.5f, .3f, .2f}), softmax({.3f, .2f, .5f})}, kClasses)[1], -0.2,
              1e-6);
}

TEST(ChecklistExpectation, InvOfOneConfidencePassesOnlyWhereBothAreLow) {
  const Prediction yes{.label = 1, .text = "", .confidence = {.04f}},
      no{.label = 0, .text = "", .confidence = {.05f}}, sure{.label = 0, .text = "", .confidence = {.5f}};
  EXPECT_GT(outcomes("inv(0.1)", {yes, no}, kTwo)[1], 0);
  EXPECT_NEAR(outcomes("inv(0.1)", {yes, sure}, kTwo)[1], -0.54, 1e-6);
}

TEST(ChecklistExpectation, ImpliesAppliesWhereAllThatIsGivenHolds) {
  const Prediction yes = softmax({.2f, .8f}), no = softmax({.9f, .1f});
  EXPECT_GT(outcomes("implies(yes)", {yes, yes, yes}, kTwo)[2], 0);
  EXPECT_LT(outcomes("implies(yes)", {yes, yes, no}, kTwo)[2], 0);
  EXPECT_TRUE(std::isnan(outcomes("implies(yes)", {yes, no, no}, kTwo)[2]));
  EXPECT_TRUE(std::isnan(outcomes("implies(yes)", {no, yes, yes}, kTwo)[2]));
}

TEST(ChecklistExpectation, MonotonicIsNotApplicableWhereItCannotFail) {
  const auto p = [](float one) { return softmax({1 - one, one}); };
  EXPECT_NEAR(outcomes("monotonic(label=yes, decreasing, tol=0.1)", {p(.5f), p(.65f)}, kTwo)[1], -0.05, 1e-6);
  EXPECT_TRUE(std::isnan(outcomes("monotonic(label=1, decreasing, tol=0.1)", {p(.93f), p(.99f)}, kTwo)[1]));
  EXPECT_GT(outcomes("monotonic(label=1, decreasing, tol=0.1)", {p(.5f), p(.6f)}, kTwo)[1], 0);
  EXPECT_NEAR(outcomes("monotonic(label=1, increasing, tol=0.1)", {p(.5f), p(.25f)}, kTwo)[1], -0.15, 1e-6);
  EXPECT_TRUE(std::isnan(outcomes("monotonic(label=1, increasing, tol=0.1)", {p(.1f), p(0)}, kTwo)[1]));
  // Without a label: the original's class, here 0.
  EXPECT_NEAR(outcomes("monotonic(increasing)", {p(.3f), p(.6f)}, kTwo)[1], -0.2, 1e-6);
}

TEST(ChecklistExpectation, EqFailsByWhatIsMissing) {
  EXPECT_NEAR(outcomes("eq(2)", {softmax({.2f, .5f, .3f})}, kClasses)[0], -0.7, 1e-6);
  EXPECT_NEAR(outcomes("eq", {softmax({.2f, .5f, .3f})}, kClasses, {{.index = 2}})[0], -0.7, 1e-6);
  EXPECT_GT(outcomes("eq(neutral)", {softmax({.2f, .5f, .3f})}, kClasses)[0], 0);
  EXPECT_NEAR(outcomes("eq(2)", {{.label = 0, .text = "", .confidence = {.6f}}}, kClasses)[0], -1.6, 1e-6);
  EXPECT_NEAR(outcomes("not(neutral)", {softmax({.2f, .5f, .3f})}, kClasses)[0], -0.5, 1e-6);
  EXPECT_GT(outcomes("not(positive)", {softmax({.2f, .5f, .3f})}, kClasses)[0], 0);
}

TEST(ChecklistExpectation, TextsAreComparedAsSquadDoes) {
  EXPECT_EQ(normalized_answer("  The  Quick, brown-fox! an A "), "quick brownfox");
  EXPECT_GT(outcomes("eq", {{.text = "the Eiffel Tower."}}, {}, {{.text = "Eiffel tower"}})[0], 0);
  EXPECT_LE(outcomes("eq", {{.text = "Eiffel"}}, {}, {{.text = "Eiffel tower"}})[0], 0);
  EXPECT_GT(outcomes("inv", {{.text = "Paris"}, {.text = "paris"}}, {})[1], 0);
  EXPECT_LE(outcomes("inv", {{.text = "Paris"}, {.text = "Rome"}}, {})[1], 0);
}

TEST(ChecklistExpectation, CombinesAndSlices) {
  const std::vector<Prediction> two = {softmax({.6f, .3f, .1f}), softmax({.2f, .5f, .3f})};
  EXPECT_TRUE(std::isnan(outcomes("changed", two, kClasses)[0]));
  EXPECT_GT(outcomes("changed", two, kClasses)[1], 0);
  EXPECT_NEAR(outcomes("combine_and(changed, not(neutral))", two, kClasses)[1], -0.5, 1e-6);
  EXPECT_GT(outcomes("combine_or(changed, not(neutral))", two, kClasses)[1], 0);
  // Not applicable beside applicable: the other one counts.
  EXPECT_NEAR(outcomes("combine_and(changed, eq(positive))", two, kClasses)[0], -0.9, 1e-6);
  EXPECT_GT(outcomes("slice_original(negative, not(negative))", two, kClasses)[1], 0);
  EXPECT_TRUE(std::isnan(outcomes("slice_original(positive, not(negative))", two, kClasses)[1]));
  EXPECT_TRUE(std::isnan(outcomes("slice_label(positive, eq)", two, kClasses, {{.index = 0}})[0]));

  const CaseView view{two.data(), two.size()};
  const auto share = testcase([](const CaseView& v) -> Outcome { return static_cast<double>(v.size) - 1.5; });
  EXPECT_EQ(share({view}), (std::vector<double>{.5, .5}));
  const auto confident = [](const Prediction& p, const Label*) {
    return p.confidence[static_cast<size_t>(p.label)] > .55f;
  };
  const auto sliced = slice_single(parse_expectation("eq(0)", kClasses), confident)({view});
  EXPECT_GT(sliced[0], 0);
  EXPECT_TRUE(std::isnan(sliced[1]));
  const auto moved = [](const Prediction& a, const Prediction& b) { return a.label != b.label; };
  EXPECT_TRUE(std::isnan(slice_pairwise(parse_expectation("eq(0)", kClasses), moved)({view})[0]));
}

TEST(ChecklistExpectation, UnknownOnesAreRefused) {
  const auto message = [](const std::string& call) {
    return message_of<InputError>([&] { parse_expectation(call, kClasses); });
  };
  for (const auto& [call, part] : std::vector<std::pair<std::string, std::string>>{
           {"invv", "did you mean inv?"},
           {"eq(positiv)",
            "'positiv' is no class of the suite (negative, neutral, positive), did you mean positive?"},
           {"eq(3)", "is no class"},
           {"inv(2)", "must be a number in [0, 1]"},
           {"inv(nan)", "must be a number in [0, 1]"},
           {"inv(0.1", "')' is missing"},
           {"inv(0.1)x", "nothing may follow"},
           {"monotonic(label=positive)", "must say increasing or decreasing"},
           {"monotonic(up)", "takes label=…"},
           {"combine_and()", "a name or a value is missing"},
           {"slice_original(positive)", "has 2 arguments"},
           {"", "a name or a value is missing"},
           {"eq(\"a", "never closed"}})
    EXPECT_NE(message(call).find(part), std::string::npos) << call << ": " << message(call);
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "combine_and(";
  EXPECT_NE(message(deep).find("too deep"), std::string::npos);
}

// ---- Cases, and the rate of a test ----

Test make_test(TestType type, const std::string& expect, const std::vector<size_t>& sizes,
               std::vector<Label> labels = {}) {
  Test test;
  test.name = "t";
  test.capability = "c";
  test.type = type;
  test.expect = expect;
  for (size_t size : sizes) test.cases.add(std::vector<Example>(size, {"x"}));
  test.cases.labels = std::move(labels);
  return test;
}

Results score_one(const Test& test, std::vector<Prediction> predictions,
                  const std::vector<std::string>& classes = kClasses) {
  return score({"s", "", {"text"}, classes, {test}}, std::move(predictions));
}

TEST(ChecklistScore, RateLeavesFilteredCasesOut) {
  auto test = make_test(TestType::kMft, "eq", std::vector<size_t>(10, 1));
  // By case: 2 say nothing, 3 fail, 5 pass.
  const std::vector<double> by_case = {1, kNotApplicable, -1, 1, 0, 1, kNotApplicable, -.5, 1, 1};
  test.expectation = [by_case](const std::vector<CaseView>&) { return by_case; };
  const Results results = score_one(test, std::vector<Prediction>(10, {.label = 0}));
  EXPECT_EQ(results.tests[0].num_filtered, 2);
  EXPECT_EQ(results.tests[0].num_failed, 3);
  EXPECT_DOUBLE_EQ(results.tests[0].failure_rate(), 0.375);
  const math::Interval expected = math::wilson_interval(3, 8);
  EXPECT_EQ(results.tests[0].interval().low, expected.low);
}

// The original is dropped, not the first outcome that says something.
TEST(ChecklistScore, OriginalsOfInvarianceTestsDoNotCount) {
  const auto rate = [](TestType type, const std::vector<double>& outcomes) {
    auto test = make_test(type, "inv", {outcomes.size()});
    test.expectation = [outcomes](const std::vector<CaseView>&) { return outcomes; };
    return score_one(test, std::vector<Prediction>(outcomes.size(), {.label = 0})).tests[0];
  };
  EXPECT_EQ(rate(TestType::kInv, {-1, 1, 1}).num_failed, 0);
  EXPECT_EQ(rate(TestType::kMft, {-1, 1, 1}).num_failed, 1);
  EXPECT_EQ(rate(TestType::kInv, {kNotApplicable, -1, 1}).num_failed, 1);
  EXPECT_EQ(rate(TestType::kDir, {1, kNotApplicable, kNotApplicable}).num_filtered, 1);
  EXPECT_EQ(rate(TestType::kInv, {-1}).num_filtered, 1);
}

TEST(ChecklistScore, LabelsAreForAllByCaseOrByExample) {
  const std::vector<Prediction> predictions = {{.label = 0}, {.label = 0}, {.label = 1}};  // two cases: 2 + 1
  const auto failed = [&](std::vector<Label> labels) {
    return score_one(make_test(TestType::kMft, "eq", {2, 1}, std::move(labels)), predictions).tests[0].cases;
  };
  using S = CaseStatus;
  EXPECT_EQ(failed({{.index = 0}}), (std::vector<S>{S::kPassed, S::kFailed}));
  EXPECT_EQ(failed({{.index = 0}, {.index = 1}}), (std::vector<S>{S::kPassed, S::kPassed}));
  EXPECT_EQ(failed({{.index = 0}, {.index = 1}, {.index = 1}}), (std::vector<S>{S::kFailed, S::kPassed}));
}

// A model that always says the same: nothing varies, and exactly the other labels fail.
TEST(ChecklistScore, ConstantModelPassesInvarianceAndFailsOtherLabels) {
  const Predictor constant = [](const std::vector<Example>& examples) {
    return std::vector<Prediction>(examples.size(), softmax({.1f, .2f, .7f}));
  };
  Suite suite{"s", "", {"text"}, kClasses, {}};
  suite.tests.push_back(make_test(TestType::kInv, "inv(0)", {3, 2, 4}));
  std::vector<Label> labels;
  for (int64_t i = 0; i < 300; ++i) labels.push_back({.index = i % 3});
  suite.tests.push_back(make_test(TestType::kMft, "eq", std::vector<size_t>(300, 1), labels));
  const Results results = run(suite, constant, {.batch_size = 7});
  EXPECT_EQ(results.tests[0].num_failed, 0);
  EXPECT_EQ(results.tests[1].num_failed, 200);
  for (size_t i = 0; i < 300; ++i) EXPECT_EQ(results.tests[1].cases[i] == CaseStatus::kPassed, i % 3 == 2);
}

TEST(ChecklistScore, RefusesWhatDoesNotFit) {
  const auto test = make_test(TestType::kMft, "eq", {1, 1});
  EXPECT_NE(message_of<InputError>([&] {
              score_one(test, {{.label = 0}});
            }).find("1 predictions for the 2 examples"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              score_one(test, {{.label = 0}, {.label = 0}});
            }).find("needs labels"),
            std::string::npos);
  // Without confidences nothing moves: that is no pass.
  const auto up = make_test(TestType::kDir, "monotonic(increasing)", {2});
  EXPECT_EQ(score_one(up, {{.label = 0}, {.label = 0}}).tests[0].num_filtered, 1);
  const Suite suite{"s", "", {"text"}, kClasses, {test}};
  const auto run_with = [&](const Predictor& predictor) {
    return message_of<Error>([&] { run(suite, predictor); });
  };
  EXPECT_NE(
      run_with([](const auto&) { return std::vector<Prediction>(3); }).find("3 predictions for 2 examples"),
      std::string::npos);
  EXPECT_NE(
      run_with([](const auto&) { return std::vector<Prediction>(2, {.label = 3}); }).find("class 3 of 3"),
      std::string::npos);
  EXPECT_NE(run_with([](const auto&) {
              return std::vector<Prediction>(2, {.label = 0, .text = "", .confidence = {NAN, .5f, .5f}});
            }).find("the probability nan"),
            std::string::npos);
}

TEST(ChecklistScore, ResultsReadBack) {
  Suite suite{"s", "", {"text"}, kClasses, {}};
  suite.tests.push_back(make_test(TestType::kInv, "inv(0)", {2, 2, 2}));
  suite.tests[0].sample = {0, 2};
  const Results results = score(suite,
                                {softmax({.5f, .3f, .2f}), softmax({.1f, .2f, .7f}), softmax({.5f, .3f, .2f}),
                                 softmax({.5f, .3f, .2f})},
                                "m");
  const Results again = parse_results(to_text(results), "r.json");
  EXPECT_EQ(to_text(again), to_text(results));
  EXPECT_EQ(again.tests[0].cases, results.tests[0].cases);
  EXPECT_EQ(again.predictions, results.predictions);
  EXPECT_EQ(again.suite.tests[0].cases.num_cases(), 2);
  EXPECT_THROW(parse_results("{}", "r.json"), InputError);
  std::string wrong = to_text(results);
  wrong.replace(wrong.find("[0,0.5"), 6, "[7,0.5");
  EXPECT_NE(message_of<InputError>([&] {
              parse_results(wrong, "r.json");
            }).find("predictions[0] must begin with a class"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::checklist
