#include "lathe/evaluate/opinion/unfairness.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/evaluate/opinion/compare.h"
#include "lathe/evaluate/opinion/inequality.h"
#include "lathe/math/hypothesis.h"
#include "lathe/math/special.h"
#include "tests/evaluate/opinion_table.h"
#include "tests/support/message.h"

namespace lathe::evaluate::opinion {
namespace {

using namespace testing;
using testing_support::message_of;

TEST(OpinionInequality, OfTwoPeople) {
  EXPECT_DOUBLE_EQ(generalised_entropy({1, 0}, {0, 0}, {1, 1}).total, 0.5);
  EXPECT_DOUBLE_EQ(gini({1, 0}, {1, 1}), 0.5);
  EXPECT_NEAR(generalised_entropy({.3, .3, .3}, {0, 1, 0}, {1, 1, 1}).total, 0, 1e-12);
  EXPECT_NEAR(gini({.3, .3, .3}, {1, 1, 1}), 0, 1e-15);
  EXPECT_EQ(generalised_entropy({0, 0}, {0, 1}, {1, 1}).total, 0);
  EXPECT_EQ(gini({0, 0}, {1, 1}), 0);
  EXPECT_TRUE(std::isnan(gini({}, {})) && std::isnan(generalised_entropy({}, {}, {}).total));
}

TEST(OpinionInequality, AgreesWithTheDefinitions) {
  core::Random random(3);
  for (int repetition = 0; repetition < 20; ++repetition) {
    std::vector<double> benefits, weights, copies;
    std::vector<int32_t> groups;
    for (int i = 0; i < 30; ++i) {
      benefits.push_back(random.uniform());
      weights.push_back(static_cast<double>(random.below(4)));
      groups.push_back(static_cast<int32_t>(random.below(4)));
      for (int k = 0; k < weights.back(); ++k) copies.push_back(benefits.back());
    }
    const auto n = static_cast<double>(copies.size());
    double mean = 0, differences = 0, squares = 0;
    for (const double b : copies) mean += b / n;
    for (const double b : copies) {
      squares += (b / mean) * (b / mean) - 1;
      for (const double c : copies) differences += std::abs(b - c);
    }
    EXPECT_NEAR(gini(benefits, weights), differences / (2 * n * n * mean), 1e-12);
    const GeneralisedEntropy entropy = generalised_entropy(benefits, groups, weights);
    EXPECT_NEAR(entropy.total, squares / (2 * n), 1e-12);
    EXPECT_NEAR(entropy.total, entropy.between + entropy.within, 1e-12);
    EXPECT_GE(entropy.between, 0);
    EXPECT_GE(entropy.within, 0);
  }
}

TEST(OpinionInequality, TheWorstTenth) {
  EXPECT_DOUBLE_EQ(worst_mean({.5, .1, .9, .3, .7}, {1, 1, 1, 1, 1}, 0.4), 0.2);
  EXPECT_DOUBLE_EQ(worst_mean({.5, .1, .9, .3, .7}, {1, 1, 1, 1, 1}, 0.3), (0.1 + 0.5 * 0.3) / 1.5);
  EXPECT_DOUBLE_EQ(worst_mean({.5, .1}, {1, 0}, 0.1), 0.5);
  EXPECT_TRUE(std::isnan(worst_mean({}, {}, 0.1)));
}

MeasureOptions without_intervals() {
  return {
      .bins = {.attributes = {"group"}, .min_group_size = 1}, .users = {.min_count = 1}, .num_replicates = 0};
}

TEST(OpinionUnfairness, AgreesWithBruteForce) {
  const data::Annotations table = random_table(11, 50, 15, 2, 0.6);
  const OpinionPredictions predictions = random_predictions(table, 5);
  const Profile p = profile(table);
  const Measurement m = measure(table, p, predictions, without_intervals());
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  std::vector<double> correct(15, 0), answered(15, 0), of_group(3, 0), in_group(3, 0);
  double minority = 0, minority_correct = 0, all_correct = 0;
  for (size_t row = 0; row < predicted.size(); ++row) {
    const auto a = static_cast<size_t>(table.annotator[row]);
    const bool right = table.label[row] == predicted[row];
    correct[a] += right;
    ++answered[a];
    of_group[a % 3] += right;
    ++in_group[a % 3];
    all_correct += right;
    if (p.popularity[row] < 0.5) minority_correct += right, ++minority;
  }
  const double overall = all_correct / static_cast<double>(table.size());
  double mean = 0, below = 0, observed = 0, noise = 0, excluded = 0;
  std::vector<double> p_values;
  for (size_t a = 0; a < 15; ++a) mean += correct[a] / answered[a] / 15;
  for (size_t a = 0; a < 15; ++a) {
    const double accuracy = correct[a] / answered[a];
    below += accuracy < 0.5;
    observed += (accuracy - mean) * (accuracy - mean) / 14;
    noise += accuracy * (1 - accuracy) / (answered[a] - 1) / 15;
    p_values.push_back(math::binomial_lower_tail(static_cast<int64_t>(correct[a]),
                                                 static_cast<int64_t>(answered[a]), overall));
  }
  for (const double adjusted : math::benjamini_hochberg(p_values)) excluded += adjusted <= 0.05;
  double low = 1, high = 0;
  for (size_t g = 0; g < 3; ++g) {
    low = std::min(low, of_group[g] / in_group[g]);
    high = std::max(high, of_group[g] / in_group[g]);
  }
  EXPECT_NEAR(m.measure("accuracy").value, overall, 1e-12);
  EXPECT_NEAR(m.measure("user_accuracy").value, mean, 1e-12);
  EXPECT_NEAR(m.measure("group_gap").value, high - low, 1e-12);
  EXPECT_NEAR(m.measure("below_chance").value, below / 15, 1e-12);
  EXPECT_NEAR(m.measure("exclusion_rate").value, excluded / 15, 1e-12);
  EXPECT_NEAR(m.measure("minority_recall").value, minority_correct / minority, 1e-12);
  EXPECT_NEAR(m.measure("user_variance").value, observed - noise, 1e-12);
  EXPECT_NEAR(m.measure("ge2").value, m.measure("ge2_between").value + m.measure("ge2_within").value, 1e-12);
  EXPECT_THROW(m.measure("ge"), InputError);
}

TEST(OpinionUnfairness, OfTheMajorityIsOneMinusDisagreement) {
  const data::Annotations table = random_table(12, 60, 10, 3, 0.5);
  const Profile p = profile(table);
  const Measurement m = measure(table, p, majority_oracle(table, p, all_rows(table)), without_intervals());
  ASSERT_EQ(m.users.users.size(), 10u);
  for (const User& user : m.users.users) EXPECT_NEAR(user.accuracy(), 1 - user.disagreement, 1e-12);
  for (size_t u = 1; u < 10; ++u) EXPECT_LE(m.users.users[u - 1].accuracy(), m.users.users[u].accuracy());
}

TEST(OpinionUnfairness, PoolsRareUsers) {
  const data::Annotations table = table_of(
      {{0, 0, 1}, {1, 0, 1}, {2, 0, 0}, {0, 1, 1}, {1, 1, 0}, {2, 1, 0}, {0, 2, 0}, {1, 3, 1}}, 3, 4);
  const Profile p = profile(table);
  MeasureOptions options{.users = {.min_count = 3}, .num_replicates = 0};
  const Measurement m = measure(table, p, perfect(table), options);
  EXPECT_EQ(m.users.users.size(), 2u);
  EXPECT_EQ(m.users.num_rare, 2);
  EXPECT_EQ(m.users.rare_answered, 2);
  EXPECT_EQ(m.users.rare_correct, 2);
  options.users.min_count = 4;  // nobody is left
  EXPECT_TRUE(std::isnan(measure(table, p, perfect(table), options).measure("gini").value));
  options.users.min_count = 0;
  EXPECT_THROW(measure(table, p, perfect(table), options), InputError);
}

// Someone without a prediction has no accuracy, and not one of 0.
TEST(OpinionUnfairness, SkipsWhoIsNotTested) {
  const data::Annotations table = table_of({{0, 0, 1}, {0, 1, 1}, {1, 0, 0}, {1, 2, 0}}, 2, 3);
  const Measurement m = measure(table, profile(table), certain_predictions({0, 1}, {1, 1}, 2),
                                {.users = {.min_count = 1}, .num_replicates = 0});
  EXPECT_EQ(m.users.users.size(), 2u);
  EXPECT_EQ(m.measure("user_accuracy").value, 1);
  EXPECT_EQ(m.num_annotators, 2);
  EXPECT_THROW(measure(table, profile(table), certain_predictions({}, {}, 2)), InputError);
}

std::vector<double> estimates_of(const Measurement& m) {
  std::vector<double> values;
  for (const Estimate& estimate : m.unfairness) values.push_back(estimate.value);
  for (const BinTable& table : m.tables) {
    for (const Bin& bin : table.bins)
      for (const Estimate& estimate : bin.values) values.push_back(estimate.value);
    for (const Score& score : table.scores) {
      values.push_back(score.fairness.value);
      values.push_back(score.general.value);
    }
  }
  return values;
}

void expect_same(const std::vector<double>& a, const std::vector<double>& b, size_t except) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    if (i == except) continue;
    EXPECT_EQ(std::isnan(a[i]), std::isnan(b[i])) << i;
    if (!std::isnan(a[i])) EXPECT_NEAR(a[i], b[i], 1e-9) << i;
  }
}

// A table in another order of items and annotators, or twice (other items, other people), with the same
// answer of the model to each annotation.
TEST(OpinionUnfairness, DoesNotDependOnOrderOrCopies) {
  const data::Annotations table = random_table(21, 40, 12, 2, 0.5);
  const OpinionPredictions predictions = random_predictions(table, 6);
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  MeasureOptions options = without_intervals();
  options.bins.metrics = {Metric::accuracy, Metric::tpr, Metric::fpr, Metric::f1};
  const auto as_labels = [&](const data::Annotations& of, const std::vector<int32_t>& labels) {
    return estimates_of(measure(of, profile(of), certain_predictions(all_rows(of), labels, 2), options));
  };
  const std::vector<double> before = as_labels(table, predicted);

  const auto changed = [&](int copies, const auto& item_of, const auto& annotator_of) {
    std::vector<Answer> answers;
    std::vector<std::pair<std::pair<int32_t, int32_t>, int32_t>> labels;
    for (int copy = 0; copy < copies; ++copy)
      for (size_t row = 0; row < predicted.size(); ++row) {
        const int32_t item = item_of(table.item[row], copy),
                      annotator = annotator_of(table.annotator[row], copy);
        answers.push_back({item, annotator, table.label[row]});
        labels.push_back({{item, annotator}, predicted[row]});
      }
    data::Annotations result = table_of(answers, 40 * copies, 12 * copies);
    data::Attribute group = table.annotator_attributes[0];
    group.codes.assign(static_cast<size_t>(12 * copies), 0);
    for (int copy = 0; copy < copies; ++copy)
      for (int32_t a = 0; a < 12; ++a) group.codes[static_cast<size_t>(annotator_of(a, copy))] = a % 3;
    result.annotator_attributes = {group};
    std::sort(labels.begin(), labels.end());
    std::vector<int32_t> in_order;
    for (const auto& [key, label] : labels) in_order.push_back(label);
    return as_labels(result, in_order);
  };
  const size_t none = before.size(), variance = measure_index("user_variance");
  expect_same(before,
              changed(
                  1, [](int32_t i, int) { return 39 - i; }, [](int32_t a, int) { return (a * 5) % 12; }),
              none);
  // The sample variance divides by one less than the number of people.
  expect_same(before,
              changed(
                  2, [](int32_t i, int c) { return 2 * i + c; }, [](int32_t a, int c) { return a + 12 * c; }),
              variance);
}

// People who are all served alike: that few labels spread them is not called unfair.
TEST(OpinionUnfairness, CorrectsForFewLabels) {
  constexpr int kRuns = 100, kUsers = 60, kLabels = 10;
  core::Random random(5);
  double sum = 0, squares = 0, uncorrected = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<Answer> answers;
    std::vector<int32_t> predicted;
    for (int32_t i = 0; i < kLabels; ++i)
      for (int32_t a = 0; a < kUsers; ++a) {
        answers.push_back({i, a, a % 2});
        predicted.push_back(random.uniform() < 0.7 ? a % 2 : 1 - a % 2);
      }
    const data::Annotations table = table_of(answers, kLabels, kUsers);
    const Measurement m = measure(table, profile(table), certain_predictions(all_rows(table), predicted, 2),
                                  {.criteria = {}, .num_replicates = 0});
    const double variance = m.measure("user_variance").value;
    sum += variance;
    squares += variance * variance;
    uncorrected += 2 * m.measure("ge2").value * std::pow(m.measure("user_accuracy").value, 2);
  }
  const double mean = sum / kRuns;
  const double error = std::sqrt((squares / kRuns - mean * mean) / kRuns);
  EXPECT_NEAR(mean, 0, 3 * error);
  EXPECT_GT(uncorrected / kRuns, 0.018);  // 0.7 · 0.3 / 10 less 1/60
}

TEST(OpinionUnfairness, IntervalsHoldTheEstimateAndTheNull) {
  constexpr int kRuns = 40;
  int covered = 0;
  core::Random random(8);
  for (int run = 0; run < kRuns; ++run) {
    std::vector<Answer> answers;
    std::vector<int32_t> predicted;
    for (int32_t i = 0; i < 80; ++i)
      for (int32_t a = 0; a < 40; ++a) {
        if (random.uniform() < 0.75) continue;
        answers.push_back({i, a, a % 2});
        predicted.push_back(random.uniform() < 0.7 ? a % 2 : 1 - a % 2);
      }
    const data::Annotations table = table_of(answers, 80, 40);
    const Measurement m = measure(table, profile(table), certain_predictions(all_rows(table), predicted, 2),
                                  {.num_replicates = 100, .seed = core::Seed(static_cast<uint64_t>(run))});
    for (const Estimate& estimate : m.unfairness) {
      if (std::isnan(estimate.value)) continue;  // one group has no gap
      EXPECT_LE(estimate.interval.low, estimate.value + 1e-12);
      EXPECT_GE(estimate.interval.high, estimate.value - 1e-12);
    }
    const math::Interval variance = m.measure("user_variance").interval;
    covered += variance.low <= 0 && 0 <= variance.high;
  }
  EXPECT_GE(covered, 34);  // of 40 at 95 %: P(33 or fewer) < 0.005
}

TEST(OpinionUnfairness, IsTheSameForAnyNumberOfThreads) {
  const data::Annotations table = random_table(31, 40, 12, 3, 0.5);
  const auto run = [&](int threads) {
    const int before = core::num_threads();
    core::set_num_threads(threads);
    const Measurement m =
        measure(table, profile(table), random_predictions(table, 1),
                {.bins = {.metrics = all_metrics(), .attributes = {"group"}, .min_group_size = 1},
                 .num_replicates = 50});
    core::set_num_threads(before);
    std::vector<double> values;
    for (const Estimate& e : m.unfairness)
      values.insert(values.end(), {e.value, e.interval.low, e.interval.high});
    return values;
  };
  EXPECT_EQ(run(1), run(3));
}

TEST(OpinionCompare, SeesTheDifferenceOfPairs) {
  const data::Annotations table = random_table(41, 80, 15, 2, 0.5);
  const Profile p = profile(table);
  const OpinionPredictions model = random_predictions(table, 3);
  const MeasureOptions options{.num_replicates = 100};
  for (const Difference& difference : compare(table, p, model, model, options)) {
    if (std::isnan(difference.first.value)) continue;  // a single group has no F
    EXPECT_EQ(difference.difference.value, 0) << difference.name;
    EXPECT_EQ(difference.difference.interval.low, 0) << difference.name;
    EXPECT_EQ(difference.difference.interval.high, 0) << difference.name;
  }
  bool seen = false;
  for (const Difference& difference :
       compare(table, p, model, majority_oracle(table, p, model.rows), options)) {
    if (difference.name != "annotator_disagreement accuracy G") continue;
    seen = true;
    EXPECT_GT(difference.difference.interval.low, 0);
    EXPECT_NEAR(difference.difference.value, difference.second.value - difference.first.value, 1e-12);
  }
  EXPECT_TRUE(seen);
  EXPECT_THROW(compare(table, p, model, certain_predictions({0}, {0}, 2), options), InputError);
}

}  // namespace
}  // namespace lathe::evaluate::opinion
