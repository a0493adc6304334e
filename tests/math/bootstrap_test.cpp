#include "lathe/math/bootstrap.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"

namespace lathe::math {
namespace {

using Values = std::vector<double>;

WeightedStatistic weighted_mean(const Values& values) {
  return [values](const Values& weights) {
    double sum = 0, total = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += weights[i] * values[i], total += weights[i];
    return sum / total;
  };
}

// Without dividing by its variance's n - 1.
WeightedStatistic weighted_variance(const Values& values) {
  return [values](const Values& weights) {
    const double mean = weighted_mean(values)(weights);
    double squares = 0, total = 0;
    for (size_t i = 0; i < values.size(); ++i)
      squares += weights[i] * (values[i] - mean) * (values[i] - mean), total += weights[i];
    return squares / total;
  };
}

// Exact: the variance of a resample's mean is that of the sample over n.
TEST(Bootstrap, StandardErrorOfTheMean) {
  const Values values = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
  const BootstrapResult result = bootstrap(12, weighted_mean(values), {.num_replicates = 20000});
  const double exact = std::sqrt(weighted_variance(values)(Values(12, 1.0)) / 12);
  EXPECT_NEAR(result.estimate, 52.0 / 12, 1e-12);
  EXPECT_NEAR(result.standard_error / exact, 1, 0.02);  // 4 / sqrt(2 * 20000)
  EXPECT_NEAR(result.percentile.low, result.estimate - 1.96 * exact, 0.2 * exact);
  EXPECT_NEAR(result.percentile.high, result.estimate + 1.96 * exact, 0.2 * exact);
}

// Efron & Tibshirani 1993, tables 14.1 and 14.2: the variance of 26 spatial test results, 90 %, from 2000
// replicates, whose 5 % quantile has a standard error of 2.
TEST(Bootstrap, SpatialTestData) {
  const Values results = {48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6,
                          0,  33, 28, 34, 4,  32, 24, 47, 41, 24, 26, 30, 41};
  const BootstrapResult result =
      bootstrap(26, weighted_variance(results), {.num_replicates = 20000, .confidence = 0.9});
  EXPECT_NEAR(result.estimate, 171.5, 0.05);
  EXPECT_NEAR(result.percentile.low, 100.8, 6);
  EXPECT_NEAR(result.percentile.high, 233.9, 6);
  EXPECT_NEAR(result.bca.low, 115.8, 6);
  EXPECT_NEAR(result.bca.high, 259.6, 6);
}

// Clusters of one observation each are observations; whole clusters are resampled otherwise.
TEST(Bootstrap, Clusters) {
  const Values values = {1, 1, 1, 5, 5, 5, 2, 2, 2, 9, 9, 9};
  const std::vector<int32_t> clusters = {0, 0, 0, 1, 1, 1, 7, 7, 7, 3, 3, 3};
  const BootstrapOptions options{.num_replicates = 20000};
  const BootstrapResult result = bootstrap_one_way(clusters, weighted_mean(values), options);
  const BootstrapResult of_means = bootstrap(4, weighted_mean({1, 5, 2, 9}), options);
  const double exact = std::sqrt(weighted_variance({1, 5, 2, 9})(Values(4, 1.0)) / 4);
  EXPECT_NEAR(result.standard_error / exact, 1, 0.03);
  EXPECT_NEAR(of_means.standard_error / exact, 1, 0.03);
}

// Exact for a total over a full table: weights of a multinomial factor of R levels have E[w_i w_j] = 1 - 1/R
// + (i = j).
TEST(Bootstrap, TwoWayVarianceOfATable) {
  const int64_t num_rows = 8, num_columns = 5;
  core::Random random = core::Seed(1).random();
  std::vector<int32_t> rows, columns;
  Values values;
  for (int32_t r = 0; r < num_rows; ++r)
    for (int32_t c = 0; c < num_columns; ++c) {
      rows.push_back(r);
      columns.push_back(10 * c);
      values.push_back(r + 2 * std::sin(c) + random.normal());
    }
  const size_t n = values.size();
  double variance = 0;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      variance += values[i] * values[j] *
                  ((1 - 1.0 / num_rows + (rows[i] == rows[j])) *
                       (1 - 1.0 / num_columns + (columns[i] == columns[j])) -
                   1);
  const WeightedStatistic mean = weighted_mean(values);
  const BootstrapResult result = bootstrap_two_way(rows, columns, mean, {.num_replicates = 20000});
  EXPECT_NEAR(result.standard_error / (std::sqrt(variance) / static_cast<double>(n)), 1, 0.03);
  EXPECT_LT(result.percentile.low, result.estimate);
  EXPECT_GT(result.bca.high, result.estimate);
}

// Annotators who differ: resampling items alone misses that, and its interval is too short.
TEST(Bootstrap, TwoWayCoversWhereOneWayDoesNot) {
  const int32_t num_items = 40, num_annotators = 10, num_worlds = 200;
  int one_way = 0, two_way = 0;
  for (int32_t world = 0; world < num_worlds; ++world) {
    core::Random random = core::Seed(2).stream(static_cast<uint64_t>(world)).random();
    Values items(num_items), annotators(num_annotators), values;
    for (double& value : items) value = random.normal();
    for (double& value : annotators) value = random.normal();
    std::vector<int32_t> rows, columns;
    for (int32_t item = 0; item < num_items; ++item)
      for (int32_t k = 0; k < 3; ++k) {
        const int32_t annotator = (item + 3 * k) % num_annotators;
        rows.push_back(item);
        columns.push_back(annotator);
        values.push_back(items[item] + annotators[annotator] + random.normal());
      }
    const BootstrapOptions options{.num_replicates = 200, .confidence = 0.9};
    const auto covers = [](const Interval& interval) { return interval.low <= 0 && interval.high >= 0; };
    one_way += covers(bootstrap_one_way(rows, weighted_mean(values), options).percentile);
    two_way += covers(bootstrap_two_way(rows, columns, weighted_mean(values), options).percentile);
  }
  EXPECT_LT(one_way, 0.75 * num_worlds);
  EXPECT_GT(two_way, 0.84 * num_worlds);
}

// Three cells of a table of 3 x 3: one resample of 17 has none of them.
TEST(Bootstrap, SparseTable) {
  const BootstrapResult result = bootstrap_two_way({0, 1, 2}, {0, 1, 2}, weighted_mean({1, 2, 4}));
  EXPECT_GT(result.standard_error, 0);
}

TEST(Bootstrap, SameBitsForAnyNumberOfThreads) {
  std::vector<int32_t> rows, columns;
  Values values;
  for (int32_t i = 0; i < 500; ++i) {
    rows.push_back(i % 37);
    columns.push_back(i % 11);
    values.push_back(std::sin(i));
  }
  const auto run = [&](int threads) {
    core::set_num_threads(threads);
    return bootstrap_two_way(rows, columns, weighted_mean(values), {.num_replicates = 101});
  };
  const BootstrapResult one = run(1), two = run(2), five = run(5);
  core::set_num_threads(core::available_processors());
  for (const BootstrapResult* other : {&two, &five}) {
    EXPECT_EQ(one.replicates, other->replicates);
    EXPECT_EQ(one.bca.low, other->bca.low);
    EXPECT_EQ(one.standard_error, other->standard_error);
  }
}

// The mean's acceleration is skewness / (6 sqrt(n)) for single observations and for groups of them; so the
// intervals agree.
TEST(Bootstrap, GroupedJackknife) {
  core::Random random = core::Seed(3).random();
  Values values(2000);
  for (double& value : values) value = -std::log(1 - random.uniform());
  const BootstrapResult each = bootstrap(2000, weighted_mean(values), {.max_jackknife_groups = 2000});
  const BootstrapResult grouped = bootstrap(2000, weighted_mean(values), {.max_jackknife_groups = 100});
  EXPECT_EQ(each.replicates, grouped.replicates);
  EXPECT_NEAR(each.bca.low, grouped.bca.low, 0.1 * each.standard_error);
  EXPECT_NEAR(each.bca.high, grouped.bca.high, 0.1 * each.standard_error);
}

TEST(Bootstrap, ConstantStatistic) {
  const BootstrapResult result = bootstrap(5, [](const Values&) { return 3.0; });
  EXPECT_EQ(result.standard_error, 0);
  EXPECT_EQ(result.bca.low, 3);
  EXPECT_EQ(result.bca.high, 3);
}

TEST(Bootstrap, Quantiles) {
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 1), 4);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_NEAR(quantile({4, 1, 3, 2}, 0.1), 1.3, 1e-15);
  EXPECT_THROW(quantile({}, 0.5), InputError);
  EXPECT_THROW(quantile({std::nan("")}, 0.5), InputError);
  EXPECT_THROW(quantile({1}, 1.5), InputError);
}

TEST(Bootstrap, RefusesWhatMakesNoSense) {
  const WeightedStatistic one = [](const Values&) { return 1.0; };
  EXPECT_THROW(bootstrap(0, one), InputError);
  EXPECT_THROW(bootstrap(1, one), InputError);
  EXPECT_THROW(bootstrap(-3, one), InputError);
  EXPECT_THROW(bootstrap(5, one, {.num_replicates = 1}), InputError);
  EXPECT_THROW(bootstrap(5, one, {.confidence = 1}), InputError);
  EXPECT_THROW(bootstrap(5, one, {.max_jackknife_groups = 1}), InputError);
  EXPECT_THROW(bootstrap_one_way({0, 0, 0}, one), InputError);
  EXPECT_THROW(bootstrap_one_way({0, -1, 0}, one), InputError);
  EXPECT_THROW(bootstrap_two_way({0, 1}, {0, 1, 2}, one), InputError);
  EXPECT_THROW(bootstrap_two_way({}, {}, one), InputError);
  EXPECT_THROW(bootstrap(5, [](const Values&) { return std::nan(""); }), Error);
  try {
    bootstrap(5, [](const Values& weights) { return weights == Values(5, 1.0) ? 1.0 : 0 / 0.0; });
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "bootstrap: the statistic of replicate 0 is nan");
  }
}

// Of rows and columns by their weights: the same replicates as by the weights of observations, where every
// row and column occurs.
TEST(Bootstrap, ManyStatisticsOfLevelsEqualOneOfObservations) {
  std::vector<int32_t> rows, columns;
  Values values;
  core::Random random(5);
  for (int32_t r = 0; r < 12; ++r)
    for (int32_t c = 0; c < 9; ++c)
      if (random.uniform() < 0.7) rows.push_back(r), columns.push_back(c), values.push_back(random.normal());
  const BootstrapOptions options{.num_replicates = 300, .seed = core::Seed(8)};
  const BootstrapResult one = bootstrap_two_way(rows, columns, weighted_mean(values), options);
  const auto many = bootstrap_two_way(
      12, 9,
      [&](const TwoWayWeights& weights) {
        double sum = 0, total = 0, undefined = 0;
        for (size_t i = 0; i < rows.size(); ++i) {
          const double w =
              weights.rows[static_cast<size_t>(rows[i])] * weights.columns[static_cast<size_t>(columns[i])];
          sum += w * values[i], total += w;
        }
        undefined = weights.rows[3] > 0 ? sum / total : NAN;
        return Values{sum / total, undefined};
      },
      options);
  ASSERT_EQ(many.size(), 2U);
  EXPECT_EQ(many[0].estimate, one.estimate);
  EXPECT_EQ(many[0].replicates, one.replicates);
  EXPECT_NEAR(many[0].standard_error, one.standard_error, 1e-12);
  EXPECT_EQ(many[0].interval.low, one.percentile.low);
  EXPECT_EQ(many[0].interval.high, one.percentile.high);
  EXPECT_EQ(many[0].num_undefined, 0);
  // A row is not drawn with probability (11/12)^12 = 0.352.
  EXPECT_NEAR(static_cast<double>(many[1].num_undefined), 300 * 0.352, 4 * std::sqrt(300 * 0.352 * 0.648));
  EXPECT_LT(many[1].interval.low, many[1].interval.high);
}

TEST(Bootstrap, ManyStatisticsRefuseWhatCannotBe) {
  const auto none = [](const TwoWayWeights&) { return Values{NAN}; };
  EXPECT_THROW(bootstrap_two_way(1, 5, none), InputError);
  EXPECT_THROW(bootstrap_two_way(5, 5, none, {.num_replicates = 1}), InputError);
  EXPECT_TRUE(std::isnan(bootstrap_two_way(5, 5, none, {.num_replicates = 10})[0].interval.low));
  std::atomic<size_t> calls = 0;
  EXPECT_THROW(bootstrap_two_way(5, 5, [&](const TwoWayWeights&) { return Values(++calls, 0.0); }),
               InputError);
}

}  // namespace
}  // namespace lathe::math
