#include "lathe/evaluate/opinion/bins.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "lathe/core/error.h"
#include "lathe/evaluate/opinion/measure.h"
#include "tests/evaluate/opinion_table.h"
#include "tests/support/message.h"

namespace lathe::evaluate::opinion {
namespace {

using namespace testing;
using testing_support::message_of;

const BinOptions kEverything{.metrics = all_metrics(), .attributes = {"group"}, .min_group_size = 1};

double value(const BinTable& table, size_t bin, Metric metric) {
  for (size_t m = 0; m < table.metrics.size(); ++m)
    if (table.metrics[m] == metric) return table.bins[bin].values[m].value;
  ADD_FAILURE();
  return 0;
}

// The released code's logistic regression on Wikipedia toxicity.
TEST(OpinionBins, ReproduceThePublishedTables) {
  const Score by_annotator = score_of({.945116, .772582, .643733, .351852, .411765});
  EXPECT_NEAR(by_annotator.fairness.value, 0.7788, 1e-4);
  EXPECT_NEAR(by_annotator.general.value, 0.6250, 1e-4);
  const Score by_ambiguity = score_of({.503854, .573677, .724600, .840643, .972821});
  EXPECT_NEAR(by_ambiguity.fairness.value, 0.8288, 1e-4);
  EXPECT_NEAR(by_ambiguity.general.value, 0.7231, 1e-4);
}

TEST(OpinionBins, HaveThePublishedEdges) {
  const std::vector<double> edges = bin_edges({0, .25, 1}, 4);
  ASSERT_EQ(edges.size(), 5u);
  const double expected[] = {-.001, .25, .5, .75, 1};
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(edges[i], expected[i], 1e-15);
  EXPECT_EQ(bin_of(0.25, edges), 0);
  EXPECT_EQ(bin_of(0, edges), 0);
  EXPECT_EQ(bin_of(0.26, edges), 1);
  EXPECT_EQ(bin_of(1, edges), 3);
  EXPECT_EQ(bin_of(1.1, edges), -1);
  EXPECT_EQ(bin_of(-1, edges), -1);
  EXPECT_EQ(bin_of(0.7, bin_edges({0.7, 0.7}, 3)), 0);  // no range: the first
  EXPECT_THROW(bin_edges({}, 3), InputError);
  EXPECT_THROW(bin_edges({1}, 0), InputError);
}

TEST(OpinionBins, OfAPerfectModelAndOneThatIsAlwaysWrong) {
  for (const int32_t num_classes : {2, 3}) {
    const data::Annotations table = random_table(1, 60, 12, num_classes, 0.6);
    const Profile p = profile(table);
    for (const Criterion criterion : all_criteria()) {
      const BinTable right = bins(table, p, perfect(table), criterion, kEverything);
      const BinTable wrong = bins(table, p, always_wrong(table), criterion, kEverything);
      for (const Metric metric : all_metrics()) {
        const bool error = metric == Metric::fpr || metric == Metric::fnr || metric == Metric::mae ||
                           metric == Metric::cross_entropy;
        EXPECT_EQ(right.score(metric).fairness.value, 1) << to_string(metric);
        EXPECT_EQ(right.score(metric).general.value, error ? 0 : 1) << to_string(metric);
        if (metric == Metric::cross_entropy ||
            (num_classes > 2 && (metric == Metric::tnr || metric == Metric::fpr)))
          continue;
        EXPECT_NEAR(wrong.score(metric).fairness.value, 1, 1e-12) << to_string(metric);
        EXPECT_NEAR(wrong.score(metric).general.value, error ? 1 : 0, 1e-12) << to_string(metric);
      }
    }
  }
}

TEST(OpinionBins, OfTheMajority) {
  const data::Annotations table = random_table(2, 80, 9, 2, 0.7);
  const Profile p = profile(table);
  const BinTable popularity = bins(table, p, majority_oracle(table, p, all_rows(table)),
                                   Criterion::annotation_popularity, {.num_bins = 10});
  for (const Bin& bin : popularity.bins) {
    if (bin.num_annotations == 0) continue;
    if (bin.low > 0.5) EXPECT_EQ(bin.values[0].value, 1);
    if (bin.high < 0.5) EXPECT_EQ(bin.values[0].value, 0);
  }
  const BinTable disagreement = bins(table, p, majority_oracle(table, p, all_rows(table)),
                                     Criterion::annotator_disagreement, {.num_bins = 1});
  double mean = 0;
  for (const double adr : p.disagreement) mean += (1 - adr) / 9;
  EXPECT_NEAR(disagreement.bins[0].values[0].value, mean, 1e-12);
}

// Metrics from lists of (said, predicted, p of what was said), each by its own definition.
struct Pairs {
  std::vector<int32_t> said, predicted;
  std::vector<double> p;
};

double brute(Metric metric, const Pairs& pairs, int32_t num_classes) {
  const auto n = static_cast<double>(pairs.said.size());
  double sum = 0;
  for (size_t i = 0; i < pairs.said.size(); ++i) {
    if (metric == Metric::accuracy) sum += pairs.said[i] == pairs.predicted[i];
    if (metric == Metric::mae) sum += 1 - pairs.p[i];
    if (metric == Metric::cross_entropy) sum -= std::log(pairs.p[i]);
  }
  if (metric == Metric::accuracy || metric == Metric::mae || metric == Metric::cross_entropy) return sum / n;
  double total = 0, defined = 0;
  for (int32_t one = num_classes == 2 ? 1 : 0; one < num_classes; ++one) {
    double tp = 0, fp = 0, fn = 0, tn = 0;
    for (size_t i = 0; i < pairs.said.size(); ++i) {
      const bool said = pairs.said[i] == one, predicted = pairs.predicted[i] == one;
      tp += said && predicted, fp += !said && predicted, fn += said && !predicted, tn += !said && !predicted;
    }
    const double result = metric == Metric::tpr   ? tp / (tp + fn)
                          : metric == Metric::tnr ? tn / (tn + fp)
                          : metric == Metric::fpr ? fp / (fp + tn)
                          : metric == Metric::fnr ? fn / (fn + tp)
                                                  : 2 * tp / (2 * tp + fp + fn);
    if (std::isnan(result)) continue;
    total += result;
    ++defined;
  }
  return total / defined;
}

double mean_of(const std::map<int32_t, Pairs>& units, Metric metric, int32_t num_classes) {
  double sum = 0, count = 0;
  for (const auto& [unit, pairs] : units) {
    const double one = brute(metric, pairs, num_classes);
    if (std::isnan(one)) continue;
    sum += one;
    ++count;
  }
  return sum / count;
}

// Every criterion and metric against lists that are grouped one annotation at a time.
void expect_brute_force(const data::Annotations& table, const OpinionPredictions& predictions) {
  const Profile p = profile(table);
  const auto num_classes = static_cast<int32_t>(table.scale.num_classes());
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  for (const Criterion criterion : all_criteria()) {
    const BinTable result = bins(table, p, predictions, criterion, kEverything);
    int64_t annotations = 0;
    for (size_t b = 0; b < result.bins.size(); ++b) {
      const Bin& bin = result.bins[b];
      std::map<int32_t, Pairs> units;
      for (size_t i = 0; i < predictions.rows.size(); ++i) {
        const auto row = static_cast<size_t>(predictions.rows[i]);
        const int32_t item = table.item[row], annotator = table.annotator[row];
        int32_t unit = 0;
        bool inside = false;
        const auto in_bin = [&](double one) { return one > bin.low && one <= bin.high; };
        switch (criterion) {
          case Criterion::annotator_disagreement:
            unit = annotator;
            inside = in_bin(p.disagreement[static_cast<size_t>(annotator)]);
            break;
          case Criterion::annotation_popularity:
            inside = in_bin(p.popularity[row]);
            break;
          case Criterion::sample_ambiguity:
            unit = item;
            inside = in_bin(p.agreement[static_cast<size_t>(item)]);
            break;
          case Criterion::demography:
            inside = bin.name == "g" + std::to_string(annotator % 3);
        }
        if (!inside) continue;
        ++annotations;
        Pairs& pairs = units[unit];
        pairs.said.push_back(table.label[row]);
        pairs.predicted.push_back(predicted[i]);
        pairs.p.push_back(predictions.of(static_cast<int64_t>(i))[table.label[row]]);
      }
      for (const Metric metric : all_metrics()) {
        const double expected = mean_of(units, metric, num_classes);
        const double measured = value(result, b, metric);
        EXPECT_EQ(std::isnan(expected), std::isnan(measured)) << to_string(criterion) << to_string(metric);
        if (!std::isnan(expected))
          EXPECT_NEAR(measured, expected, 1e-6) << to_string(criterion) << to_string(metric);
      }
    }
    EXPECT_EQ(annotations, static_cast<int64_t>(predictions.rows.size())) << to_string(criterion);
  }
}

TEST(OpinionBins, AgreeWithBruteForce) {
  for (uint64_t seed = 0; seed < 4; ++seed)
    for (const int32_t num_classes : {2, 3, 4}) {
      const data::Annotations table = random_table(seed, 40, 10, num_classes, 0.5);
      expect_brute_force(table, random_predictions(table, seed + 100));
    }
}

TEST(OpinionBins, OfTwoPeopleWhoShareNoItem) {
  data::Annotations table =
      table_of({{0, 0, 1}, {1, 0, 0}, {2, 1, 1}, {2, 1, 0}, {3, 1, 1}, {4, 1, 0}, {5, 1, 0}}, 6, 2);
  table.annotator_attributes.push_back({"group", {"g0", "g1"}, {0, 1}});
  expect_brute_force(table, random_predictions(table, 7));
}

TEST(OpinionBins, OfAPartOfTheTableUseAllVotes) {
  const data::Annotations table = random_table(5, 30, 8, 2, 0.6);
  OpinionPredictions predictions = random_predictions(table, 1), half{{}, 2, {}};
  for (size_t i = 0; i < predictions.rows.size(); i += 2) {
    half.rows.push_back(predictions.rows[i]);
    half.probabilities.insert(half.probabilities.end(), predictions.of(static_cast<int64_t>(i)),
                              predictions.of(static_cast<int64_t>(i)) + 2);
  }
  expect_brute_force(table, half);
}

TEST(OpinionBins, SayWhyThereIsNoValue) {
  // Nobody in the lowest bin of ambiguity says yes; nothing is between 2/3 and 1.
  const data::Annotations table =
      table_of({{0, 0, 0}, {0, 1, 0}, {0, 2, 0}, {1, 0, 1}, {1, 1, 0}, {1, 2, 0}}, 2, 3);
  const BinTable result = bins(table, profile(table), perfect(table), Criterion::sample_ambiguity,
                               {.metrics = {Metric::accuracy, Metric::tpr}, .num_bins = 3});
  EXPECT_EQ(result.bins[0].notes, (std::vector<std::string>{"", ""}));
  EXPECT_EQ(result.bins[1].notes, (std::vector<std::string>{"no data", "no data"}));
  EXPECT_EQ(result.bins[2].notes, (std::vector<std::string>{"", "no positives"}));
  EXPECT_TRUE(std::isnan(result.bins[2].values[1].value));
  EXPECT_EQ(result.score(Metric::accuracy).note, "");
  EXPECT_EQ(result.score(Metric::tpr).note, "single bin");
  EXPECT_TRUE(std::isnan(result.score(Metric::tpr).fairness.value));
  EXPECT_EQ(result.score(Metric::tpr).general.value, 1);
  EXPECT_THROW(result.score(Metric::mae), InputError);
  EXPECT_EQ(score_of({NAN, NAN}).note, "no data");
}

TEST(OpinionBins, LeaveOutWhatAFilterSays) {
  const data::Annotations table = random_table(9, 50, 12, 2, 0.5);
  const Profile p = profile(table);
  const OpinionPredictions predictions = random_predictions(table, 2);
  const auto most = [&](Criterion criterion, const BinOptions& options) {
    const BinTable result = bins(table, p, predictions, criterion, options);
    return std::make_pair(result.bins.front().low, result.bins.back().high);
  };
  EXPECT_LE(most(Criterion::annotator_disagreement, {.max_disagreement = 0.4}).second, 0.4);
  EXPECT_GE(most(Criterion::annotation_popularity, {.min_popularity = 0.5}).first, 0.499);
  EXPECT_GE(most(Criterion::sample_ambiguity, {.min_agreement = 0.7}).first, 0.69);
  const std::string message = message_of<InputError>(
      [&] { bins(table, p, predictions, Criterion::annotator_disagreement, {.max_disagreement = -1}); });
  EXPECT_NE(message.find("max_disagreement"), std::string::npos) << message;
  EXPECT_THROW(bins(table, p, predictions, Criterion::demography, {.num_bins = 0}), InputError);
  EXPECT_THROW(bins(table, p, predictions, Criterion::demography, {.metrics = {}}), InputError);
  const Criterion twice = Criterion::annotation_popularity;
  EXPECT_THROW(measure(table, p, predictions, {.criteria = {twice, twice}}), InputError);
}

TEST(OpinionBins, HideGroupsThatAreTooSmall) {
  data::Annotations table = random_table(3, 40, 12, 2, 0.5);
  for (size_t a = 0; a < 12; ++a) table.annotator_attributes[0].codes[a] = a < 2 ? 0 : a < 7 ? 1 : 2;
  BinOptions options{.attributes = {"group"}};
  const auto table_for = [&] {
    return bins(table, profile(table), random_predictions(table, 4), Criterion::demography, options);
  };
  const BinTable hidden = table_for();
  EXPECT_TRUE(std::isnan(hidden.bins[0].values[0].value));
  EXPECT_EQ(hidden.bins[0].notes[0], "fewer than 5 people");
  EXPECT_FALSE(std::isnan(hidden.bins[1].values[0].value));
  EXPECT_EQ(hidden.score(Metric::accuracy).fairness.value,
            score_of({hidden.bins[1].values[0].value, hidden.bins[2].values[0].value}).fairness.value);
  options.min_group_size = 1;
  EXPECT_FALSE(std::isnan(table_for().bins[0].values[0].value));
  options.min_group_annotations = 40;
  EXPECT_EQ(table_for().bins[0].notes[0], "fewer than 40 annotations");
  options.attributes = {"grop"};
  EXPECT_NE(message_of<InputError>(table_for).find("group"), std::string::npos);
}

TEST(OpinionBins, NameTheNearestName) {
  EXPECT_EQ(parse_criterion("demography"), Criterion::demography);
  EXPECT_NE(message_of<InputError>([] { parse_criterion("demografy"); }).find("did you mean demography"),
            std::string::npos);
  for (const Metric metric : all_metrics()) EXPECT_EQ(parse_metric(to_string(metric)), metric);
  EXPECT_NE(message_of<InputError>([] { parse_metric("acuracy"); }).find("did you mean accuracy"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate::opinion
