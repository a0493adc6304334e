#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/data/opinions.h"
#include "lathe/evaluate/opinion/explain.h"
#include "lathe/evaluate/opinion/mitigation.h"
#include "tests/evaluate/opinion_table.h"
#include "tests/support/message.h"

namespace lathe::evaluate::opinion {
namespace {

using namespace testing;
using testing_support::message_of;

double accuracy(const data::Annotations& table, const OpinionPredictions& predictions) {
  const std::vector<int32_t> labels = predicted_labels(predictions);
  double right = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    right += table.label[static_cast<size_t>(predictions.rows[i])] == labels[i];
  return right / static_cast<double>(labels.size());
}

// Item 0: group g0 says 1, 1, 0, group g1 says 0, 0.
TEST(OpinionOracles, AnswerAsTheCrowdDoes) {
  data::Annotations table =
      table_of({{0, 0, 1}, {0, 1, 1}, {0, 2, 0}, {0, 3, 0}, {0, 4, 0}, {1, 0, 1}}, 2, 5);
  const data::Attribute groups{"group", {"g0", "g1"}, {0, 0, 0, 1, 1}};
  const Profile p = profile(table);
  const std::vector<int64_t> rows = all_rows(table);
  EXPECT_EQ(predicted_labels(majority_oracle(table, p, rows)), (std::vector<int32_t>{0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(predicted_labels(others_oracle(table, p, rows)), (std::vector<int32_t>{0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(predicted_labels(group_oracle(table, groups, rows)), (std::vector<int32_t>{1, 1, 1, 0, 0, 1}));
  EXPECT_EQ(predicted_labels(group_others_oracle(table, p, groups, rows)),
            (std::vector<int32_t>{1, 1, 1, 0, 0, 0}));
  EXPECT_FLOAT_EQ(share_oracle(table, p, rows).of(0)[1], 0.4F);
  EXPECT_EQ(predicted_labels(share_oracle(table, p, {5})), (std::vector<int32_t>{1}));
}

TEST(OpinionCauses, TellOneAnswerForAllFromLearning) {
  const data::Opinions made =
      data::generate_opinions({.num_items = 800, .num_annotators = 100, .repeat_rate = 0.1}, core::Seed(3));
  const data::Annotations& table = made.annotations;
  const Profile p = profile(table);
  const std::vector<int64_t> rows = all_rows(table);
  // A model that says the majority, but errs on each third item.
  std::vector<int32_t> labels;
  for (const int64_t row : rows) {
    const int32_t item = table.item[static_cast<size_t>(row)];
    labels.push_back(item % 3 == 0 ? 1 - p.majority[static_cast<size_t>(item)]
                                   : p.majority[static_cast<size_t>(item)]);
  }
  const OpinionPredictions model = certain_predictions(rows, labels, 2);
  const Causes causes =
      explain(table, p, {{"ours", model}}, {.bins = {.attributes = {"group"}}, .num_replicates = 60});
  EXPECT_TRUE(causes.asked_twice);
  const size_t accuracy_index = measure_index("accuracy"), variance = measure_index("user_variance");
  for (const Cause& cause : causes.predictors) {
    if (cause.predictor == "majority")
      EXPECT_NEAR(cause.measures[accuracy_index].value, accuracy(table, majority_oracle(table, p, rows)),
                  1e-12);
    if (cause.predictor == "ours")
      EXPECT_NEAR(cause.measures[accuracy_index].value, accuracy(table, model), 1e-12);
    if (cause.predictor == "one's own second answer") {
      double same = 0, repeats = 0;
      for (size_t row = 1; row < table.item.size(); ++row) {
        if (table.item[row] != table.item[row - 1] || table.annotator[row] != table.annotator[row - 1])
          continue;
        same += table.label[row] == table.label[row - 1];
        ++repeats;
      }
      EXPECT_NEAR(cause.measures[accuracy_index].value, same / repeats, 1e-12);
      EXPECT_EQ(cause.measures[variance].value, 0);
      EXPECT_EQ(causes.num_repeats, static_cast<int64_t>(repeats));
    }
  }
  for (const Step& step : causes.steps) {
    const Estimate& difference = step.differences[accuracy_index];
    EXPECT_NEAR(difference.value,
                causes.predictors[step.to].measures[accuracy_index].value -
                    causes.predictors[step.from].measures[accuracy_index].value,
                1e-12);
    if (step.name == "learning: ours") EXPECT_LT(difference.interval.high, 0);
    if (step.name == "knowing the group, own vote not counted") EXPECT_GT(difference.interval.low, 0);
    if (step.name == "one answer for all") EXPECT_GT(step.differences[variance].interval.low, 0);
  }
  EXPECT_THROW(explain(table, p, {}), InputError);
  EXPECT_THROW(explain(table, p, {{"a", model}, {"b", certain_predictions({0}, {0}, 2)}}), InputError);
}

TEST(OpinionCauses, TakeOneForPeopleWhomNobodyAskedTwice) {
  const data::Annotations table = random_table(1, 30, 10, 2, 0.5);
  const Causes causes =
      explain(table, profile(table), {{"ours", random_predictions(table, 2)}}, {.num_replicates = 0});
  EXPECT_FALSE(causes.asked_twice);
  EXPECT_EQ(causes.predictors[0].measures[0].value, 1);
  for (const Cause& cause : causes.predictors) EXPECT_EQ(cause.predictor.find("group"), std::string::npos);
}

// Accuracy of the majority oracle is 1 − ADR: the one term explains all, and more terms nothing.
TEST(OpinionCauses, RegressionFindsWhatIsThere) {
  const data::Annotations table = random_table(6, 200, 30, 2, 0.4);
  const Profile p = profile(table);
  const OpinionPredictions model = majority_oracle(table, p, all_rows(table));
  const Causes causes =
      explain(table, p, {{"majority", model}}, {.bins = {.attributes = {"group"}}, .num_replicates = 0});
  const UserRegression& regression = causes.regressions.at(0);
  EXPECT_NEAR(regression.r2, 1, 1e-12);
  EXPECT_EQ(regression.num_users, 30);
  ASSERT_EQ(regression.terms.size(), 4u);  // ADR, ambiguity, two groups; all are tested on all they said
  EXPECT_EQ(regression.left_out, (std::vector<std::string>{"annotations to train on"}));
  EXPECT_NEAR(regression.terms[0].coefficient.value, -1, 1e-9);
  EXPECT_NEAR(regression.terms[1].coefficient.value, 0, 1e-9);
  EXPECT_GT(regression.terms[0].r2_drop, 0.3);
  EXPECT_NEAR(regression.terms[1].r2_drop, 0, 1e-9);
  EXPECT_TRUE(std::isnan(regression.terms[3].r2_drop));
}

TEST(OpinionWeights, GiveEqualMassUpToTheBound) {
  const std::vector<double> equal = equal_mass_weights({0, 0, 0, 1, -1});
  EXPECT_DOUBLE_EQ(equal[0], 2.0 / 3);
  EXPECT_DOUBLE_EQ(equal[3], 2);
  EXPECT_EQ(equal[4], 1);
  std::vector<int32_t> bin(100, 0);
  bin[0] = 1;  // would weigh 100/3
  for (size_t i = 1; i < 10; ++i) bin[i] = 2;
  const std::vector<double> bounded = equal_mass_weights(bin, 5);
  EXPECT_EQ(bounded[0], 5);
  EXPECT_EQ(bounded[1], 5);  // 95 / 2 / 9 is more than the bound, too
  EXPECT_NEAR(bounded[99], 50.0 / 90, 1e-12);
  EXPECT_NEAR(std::accumulate(bounded.begin(), bounded.end(), 0.0), 100, 1e-9);
  EXPECT_TRUE(equal_mass_weights({}).empty());
  EXPECT_THROW(equal_mass_weights({0}, 0.5), InputError);
}

TEST(OpinionWeights, BalanceAnnotations) {
  const data::Annotations table = random_table(9, 60, 12, 2, 0.5);
  const Profile p = profile(table);
  for (const Balance balance : {Balance::popularity, Balance::disagreement, Balance::groups}) {
    EXPECT_EQ(parse_balance(to_string(balance)), balance);
    const BinOptions options{.num_bins = 3, .attributes = {"group"}};
    const std::vector<double> weights = balanced_weights(table, p, all_rows(table), balance, options, 1000);
    double total = 0;
    for (const double weight : weights) total += weight;
    EXPECT_NEAR(total, static_cast<double>(table.size()), 1e-6);
    if (balance != Balance::groups) continue;
    std::vector<double> mass(3, 0);
    for (size_t row = 0; row < weights.size(); ++row)
      mass[static_cast<size_t>(table.annotator[row] % 3)] += weights[row];
    EXPECT_NEAR(mass[0], mass[1], 1e-9);
    EXPECT_NEAR(mass[1], mass[2], 1e-9);
  }
  EXPECT_NE(message_of<InputError>([] { parse_balance("group"); }).find("did you mean groups"),
            std::string::npos);
}

// Brute force over a fine grid finds nobody a better threshold.
TEST(OpinionThresholds, AreTheBestOnOwnLabels) {
  const data::Annotations table = random_table(15, 60, 8, 2, 0.5);
  const OpinionPredictions predictions = random_predictions(table, 4);
  const std::vector<double> thresholds = personal_thresholds(table, predictions, 5);
  const OpinionPredictions moved = apply_thresholds(table, predictions, thresholds);
  const std::vector<int32_t> labels = predicted_labels(moved);
  for (int32_t a = 0; a < 8; ++a) {
    int64_t reached = 0, best = 0;
    for (size_t i = 0; i < labels.size(); ++i)
      reached += table.annotator[i] == a && labels[i] == table.label[i];
    for (int step = 0; step <= 1000; ++step) {
      int64_t right = 0;
      for (size_t i = 0; i < labels.size(); ++i)
        right += table.annotator[i] == a &&
                 (predictions.of(static_cast<int64_t>(i))[1] > step / 1000.0) == (table.label[i] == 1);
      best = std::max(best, right);
    }
    EXPECT_GE(reached, best);
  }
  for (const double threshold : personal_thresholds(table, predictions, 1000)) EXPECT_EQ(threshold, 0.5);
  const OpinionPredictions unmoved = apply_thresholds(table, predictions, std::vector<double>(8, 0.5));
  for (size_t i = 0; i < unmoved.probabilities.size(); ++i)
    EXPECT_NEAR(unmoved.probabilities[i], predictions.probabilities[i], 1e-6);
  const data::Annotations three = random_table(1, 20, 5, 3, 0.5);
  EXPECT_THROW(personal_thresholds(three, random_predictions(three, 1)), InputError);
}

TEST(OpinionPareto, KeepsWhatNothingBeats) {
  EXPECT_EQ(pareto_front({{.7, .9}, {.8, .8}, {.75, .7}, {.6, .95}, {.8, .8}, {.6, .9}}),
            (std::vector<size_t>{0, 1, 3, 4}));
  EXPECT_TRUE(pareto_front({}).empty());
}

}  // namespace
}  // namespace lathe::evaluate::opinion
