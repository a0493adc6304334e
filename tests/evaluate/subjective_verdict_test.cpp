#include "lathe/evaluate/subjective/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lathe::evaluate::subjective {
namespace {

std::vector<Decision> decisions(const std::vector<Verdict>& verdicts) {
  std::vector<Decision> result;
  for (const Verdict& verdict : verdicts) result.push_back(verdict.decision);
  return result;
}

constexpr auto kMet = Decision::met, kViolated = Decision::violated, kUndecided = Decision::undecided;

// An excess of 1.96 standard errors is one-sided p = 0.025 of being within, 0.975 of being beyond.
TEST(SubjectiveVerdict, LimitsAreTestedOnBothSides) {
  const Tested above = test_limit("gap", 0.0696, 0.01, 0.05, Side::at_most);
  EXPECT_NEAR(above.within, 0.025, 1e-4);
  EXPECT_NEAR(above.beyond, 0.975, 1e-4);
  const Tested below = test_limit("accuracy", 0.0304, 0.01, 0.05, Side::at_least);
  EXPECT_NEAR(below.within, 0.025, 1e-4);
  const Tested well = test_limit("accuracy", 0.08, 0.01, 0.05, Side::at_least);
  EXPECT_LT(well.beyond, 0.002);
  EXPECT_EQ(test_limit("exact", 0.06, 0, 0.05, Side::at_most).within, 0);
  EXPECT_EQ(test_limit("exact", 0.05, 0, 0.05, Side::at_most).beyond, 0);
  const Tested nothing = test_limit("none", std::nan(""), 0.01, 0.05, Side::at_most);
  EXPECT_EQ(nothing.within, 1);
  EXPECT_EQ(nothing.beyond, 1);
}

// 3 of 3 at a limit of a half: 1/8 by chance, and 1 that so few or more are beyond.
TEST(SubjectiveVerdict, SharesAreBinomial) {
  EXPECT_NEAR(test_share("people", 3, 3, 0.5).within, 0.125, 1e-12);
  EXPECT_NEAR(test_share("people", 3, 3, 0.5).beyond, 1, 1e-12);
  EXPECT_NEAR(test_share("people", 0, 3, 0.5).beyond, 0.125, 1e-12);
  EXPECT_EQ(test_share("nobody", 0, 0, 0.5).within, 1);
}

// p = 0.02, 0.04, 0.9: Holm 0.06, 0.08, 0.9; Benjamini and Hochberg 0.06, 0.06, 0.9; two of them within at
// once.
TEST(SubjectiveVerdict, SeveralGroupsAreCorrectedFor) {
  std::vector<Tested> tests(3);
  tests[0].within = 0.02;
  tests[1].within = 0.04;
  tests[2].within = 0.9;
  tests[2].beyond = 0.01;
  EXPECT_EQ(decisions(decide(tests, 0.95, Correction::none)), (std::vector{kViolated, kViolated, kMet}));
  EXPECT_EQ(decisions(decide(tests, 0.95, Correction::holm)), (std::vector{kUndecided, kUndecided, kMet}));
  EXPECT_EQ(decisions(decide(tests, 0.93, Correction::holm)), (std::vector{kViolated, kUndecided, kMet}));
  EXPECT_EQ(decisions(decide(tests, 0.93, Correction::benjamini_hochberg)),
            (std::vector{kViolated, kViolated, kMet}));
  EXPECT_TRUE(decide({}, 0.95, Correction::holm).empty());
}

TEST(SubjectiveVerdict, AllMustBeMet) {
  const auto of = [](const std::vector<Decision>& all) {
    std::vector<Verdict> verdicts;
    for (const Decision decision : all) verdicts.push_back({.criterion = "c", .decision = decision});
    return overall(verdicts);
  };
  EXPECT_EQ(of({kMet, kMet}), kMet);
  EXPECT_EQ(of({kMet, kUndecided}), kUndecided);
  EXPECT_EQ(of({kMet, kUndecided, kViolated}), kViolated);
  EXPECT_EQ(of({}), kUndecided);
}

}  // namespace
}  // namespace lathe::evaluate::subjective
