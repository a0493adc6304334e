#include "lathe/evaluate/subjective/design.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "lathe/core/error.h"
#include "lathe/data/opinions.h"
#include "lathe/evaluate/subjective/assignment.h"
#include "lathe/math/special.h"
#include "tests/support/message.h"

namespace lathe::evaluate::subjective {
namespace {

using testing_support::message_of;

TEST(SubjectiveDesign, AnswersForAGap) {
  EXPECT_NEAR(answers_for_gap(0.8, 0.75, 1), 1091, 1);
  EXPECT_DOUBLE_EQ(answers_for_gap(0.8, 0.75, 2.5), 2.5 * answers_for_gap(0.8, 0.75, 1));
  for (const double effect : {1.0, 3.0})
    for (const double gap : {0.02, 0.05, 0.2}) {
      const Arm arm{answers_for_gap(0.8, 0.8 - gap, effect), effect};
      EXPECT_NEAR(detectable_gap(0.8, arm, arm), gap, 1e-9);
    }
}

TEST(SubjectiveDesign, DesignEffect) {
  const Pilot pilot{.sample_correlation = 0.1, .annotator_correlation = 0.02};
  EXPECT_DOUBLE_EQ(design_effect({.per_sample = 5, .per_annotator = 51}, pilot), 1.4 * 2);
  EXPECT_DOUBLE_EQ(design_effect({.per_sample = 0.5, .per_annotator = 1}, pilot), 1);
}

// A z-test that knows the design effect, on answers whose accuracy varies between annotators with the
// intraclass correlation of a beta distribution.
double simulated_power(const DesignPlan& plan, double correlation, double p1, double gap, uint64_t seed) {
  core::Random random = core::Seed(seed).random();
  const int num_studies = 600;
  int found = 0;
  for (int study = 0; study < num_studies; ++study) {
    double difference = 0, variance = 0;
    for (size_t g = 0; g < 2; ++g) {
      const GroupPlan& group = plan.groups[g];
      const double p = g == 0 ? p1 : p1 - gap;
      int64_t right = 0;
      for (int64_t a = 0; a < group.num_annotators; ++a) {
        const int64_t end = group.num_labels * (a + 1) / group.num_annotators;
        const int64_t begin = group.num_labels * a / group.num_annotators;
        const double spread = 1 / correlation - 1;
        const double own =
            correlation == 0 ? p
                             : math::inverse_incomplete_beta(p * spread, (1 - p) * spread, random.uniform());
        for (int64_t i = begin; i < end; ++i) right += random.uniform() < own;
      }
      const auto n = static_cast<double>(group.num_labels);
      const double share = static_cast<double>(right) / n;
      difference += (g == 0 ? 1 : -1) * share;
      variance += share * (1 - share) * group.design_effect / n;
    }
    found += std::abs(difference) / std::sqrt(variance) > 1.959964;
  }
  return static_cast<double>(found) / num_studies;
}

TEST(SubjectiveDesign, PowerIsWhatWasPlanned) {
  DesignPlan independent;
  for (const char* name : {"a", "b"})
    independent.groups.push_back({.name = name, .quota = 1, .num_annotators = 1091, .num_labels = 1091});
  EXPECT_NEAR(simulated_power(independent, 0, 0.8, 0.05, 1), 0.8, 0.05);

  DesignOptions options;
  options.groups = {{"a", 60}, {"b", 25}};
  options.budget = 3000;
  options.correlations.annotator_correlation = 0.05;
  const DesignPlan plan = design(options);
  EXPECT_GT(plan.groups[0].design_effect, 1.5);
  EXPECT_NEAR(simulated_power(plan, 0.05, options.accuracy, plan.detectable_gap, 2), 0.8, 0.05);
}

TEST(SubjectiveDesign, SpendsTheBudgetWell) {
  DesignOptions options;
  options.groups = {{"a", 0}, {"b", 0}};
  options.budget = 1000;
  options.correlations = {.sample_correlation = 0.2, .annotator_correlation = 0};
  // Annotations are all that costs: one of each group for as many samples as there can be.
  const DesignPlan cheap = design(options);
  EXPECT_EQ(cheap.num_samples, 500);
  EXPECT_EQ(cheap.groups[0].quota, 1);
  EXPECT_EQ(cheap.groups[1].num_annotators, 10);  // 500 / 50
  EXPECT_EQ(cheap.cost, 1000);

  // Samples that cost more than annotations are asked about more often: the best of all quotas, by hand.
  options.sample_cost = 10;
  const DesignPlan dear = design(options);
  double best = 1;
  for (int64_t q = 1; q <= 19; ++q)
    for (int64_t r = 1; q + r <= 20; ++r) {
      const auto samples = std::floor(1000.0 / static_cast<double>(10 + q + r));
      const auto arm = [&](int64_t quota) {
        const auto k = static_cast<double>(quota);
        return Arm{samples * k, 1 + (k - 1) * 0.2};
      };
      best = std::min(best, detectable_gap(0.8, arm(q), arm(r)));
    }
  EXPECT_NEAR(dear.detectable_gap, best, 1e-12);
  EXPECT_GT(dear.groups[0].quota, 1);
  EXPECT_LE(dear.cost, 1000);

  // Few people of one group answer more each, which is worth less.
  options.correlations.annotator_correlation = 0.1;
  options.groups = {{"a", 200}, {"b", 5}};
  EXPECT_GT(design(options).detectable_gap, dear.detectable_gap);
}

TEST(SubjectiveDesign, KeepsToTheBounds) {
  DesignOptions options;
  options.groups = {{"a", 0}, {"b", 3}};
  options.min_annotators_per_sample = 10;
  options.repeat_rate = 0.1;
  const DesignPlan plan = design(options);
  EXPECT_GE(plan.groups[0].quota + plan.groups[1].quota, 10);
  EXPECT_LE(plan.groups[1].quota, 3);
  EXPECT_LE(plan.cost, options.budget);
  EXPECT_GT(plan.cost, 0.99 * options.budget);

  options.groups.clear();
  EXPECT_EQ(message_of<InputError>([&] { design(options); }), "design: there is no group");
  options.groups = {{"a", 0}};
  options.budget = 3;
  EXPECT_EQ(message_of<InputError>([&] { design(options); }),
            "design: a budget of 3 and the annotators there are do not pay for one sample of 1 groups");
  options.accuracy = 1;
  EXPECT_EQ(message_of<InputError>([&] { design(options); }),
            "design: accuracy must lie between 0 and 1, got 1");
  EXPECT_THROW(answers_for_gap(0.8, 0.8, 1), InputError);
}

TEST(SubjectiveDesign, PilotFindsWhatWasPlanted) {
  const data::Annotations a = data::generate_opinions({}, core::Seed(3)).annotations;
  core::Random random = core::Seed(4).random();
  std::vector<double> person(a.annotators.size()), right;
  for (double& p : person) p = random.uniform() < 0.5 ? 0.9 : 0.5;  // variance 0.04 of 0.7 · 0.3 = 0.21
  for (const int32_t annotator : a.annotator)
    right.push_back(random.uniform() < person[static_cast<size_t>(annotator)] ? 1 : 0);
  const Pilot found = pilot(a, right);
  EXPECT_NEAR(found.annotator_correlation, 0.04 / 0.21, 0.03);
  EXPECT_LT(found.sample_correlation, 0.02);
  EXPECT_NEAR(found.accuracy, 0.7, 0.05);
  EXPECT_GT(pilot_of_agreement(a).sample_correlation, 0.05);  // samples differ in how far people agree
}

TEST(SubjectiveAssignment, IsBalanced) {
  std::vector<int32_t> strata;
  for (int i = 0; i < 97; ++i) strata.push_back(i < 40 ? 0 : i < 90 ? 1 : 2);
  const AssignmentOptions options{.groups = {{12, 3}, {5, 2}}, .repeat_rate = 0.1, .seed = core::Seed(1)};
  const Assignment assignment = assign(strata, options);
  std::map<std::pair<int32_t, int32_t>, std::set<int32_t>> by_sample;  // sample, group
  std::map<std::pair<int32_t, int32_t>, int64_t> by_stratum;           // annotator, stratum
  std::map<int32_t, int64_t> loads, repeats;
  for (const AssignedSample& row : assignment.rows) {
    if (row.pass == 2) {
      ++repeats[row.annotator];
      EXPECT_GE(row.position, loads[row.annotator]);  // after everything new
      EXPECT_TRUE(by_sample[std::pair(row.sample, row.annotator < 12 ? 0 : 1)].count(row.annotator));
      continue;
    }
    EXPECT_TRUE(by_sample[std::pair(row.sample, row.annotator < 12 ? 0 : 1)].insert(row.annotator).second);
    ++by_stratum[std::pair(row.annotator, strata[static_cast<size_t>(row.sample)])];
    EXPECT_EQ(row.position, loads[row.annotator]++);
  }
  for (int32_t sample = 0; sample < 97; ++sample) {
    EXPECT_EQ(by_sample[std::pair(sample, 0)].size(), 3u);
    EXPECT_EQ(by_sample[std::pair(sample, 1)].size(), 2u);
  }
  for (const auto& [first, last] : {std::pair(0, 12), std::pair(12, 17)}) {
    for (int32_t stratum = -1; stratum < 3; ++stratum) {
      int64_t least = 1000, most = 0;
      for (int32_t a = first; a < last; ++a) {
        const int64_t n = stratum < 0 ? loads[a] : by_stratum[std::pair(a, stratum)];
        least = std::min(least, n);
        most = std::max(most, n);
      }
      EXPECT_LE(most - least, 1) << stratum;
      EXPECT_GT(least, 0);
    }
  }
  int64_t all = 0;
  for (int32_t a = 0; a < 17; ++a) {
    EXPECT_LT(std::abs(static_cast<double>(repeats[a]) - 0.1 * static_cast<double>(loads[a])), 1);
    all += repeats[a];
  }
  EXPECT_EQ(all, 48);  // of 97 · 5
  EXPECT_TRUE(assignment.small_strata.empty());
}

TEST(SubjectiveAssignment, SaysWhatCannotBe) {
  EXPECT_EQ(assign({0, 0, 0, 0, 1}, {.groups = {{4, 1}}}).small_strata, std::vector<int32_t>{1});
  const auto message = [](const std::vector<int32_t>& strata, const AssignmentOptions& options) {
    return message_of<InputError>([&] { assign(strata, options); });
  };
  EXPECT_EQ(message({0}, {.groups = {{2, 3}}}),
            "assign: a quota must lie between 1 and the 2 annotators of the group, got 3");
  EXPECT_EQ(message({}, {.groups = {{2, 1}}}), "assign: there is no sample");
  EXPECT_EQ(message({-1}, {.groups = {{2, 1}}}), "assign: strata must not be negative, got -1");
  EXPECT_EQ(message({0}, {.groups = {{2, 1}}, .repeat_rate = 2}),
            "assign: repeat_rate must lie in [0, 1], got 2");
}

}  // namespace
}  // namespace lathe::evaluate::subjective
