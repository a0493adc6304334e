#include "lathe/evaluate/agreement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "tests/support/message.h"

namespace lathe::evaluate {
namespace {

using data::Annotations;
using testing_support::message_of;

// units[u][j]: what annotator j says of item u; -1: nothing.
Annotations table_of(const std::vector<std::vector<int>>& units, int num_classes,
                     data::LabelScale::Kind kind = data::LabelScale::Kind::nominal) {
  Annotations a;
  a.scale.kind = kind;
  for (int c = 0; c < num_classes; ++c) a.scale.classes.push_back(std::string(1, static_cast<char>('a' + c)));
  for (size_t u = 0; u < units.size(); ++u) a.items.push_back("item " + std::to_string(u));
  for (size_t j = 0; j < units[0].size(); ++j) a.annotators.push_back("annotator " + std::to_string(j));
  for (size_t u = 0; u < units.size(); ++u)
    for (size_t j = 0; j < units[u].size(); ++j)
      if (units[u][j] >= 0) {
        a.item.push_back(static_cast<int32_t>(u));
        a.annotator.push_back(static_cast<int32_t>(j));
        a.label.push_back(units[u][j]);
      }
  return a;
}

data::Attribute groups_of(const std::vector<int32_t>& codes, size_t num_groups) {
  return {"group", std::vector<std::string>(num_groups, "g"), codes};
}

// Krippendorff's own example with missing values (2011, section C): 12 units, 4 observers, categories 1 … 5.
const std::vector<std::vector<int>> kReliability = {
    {0, 0, -1, 0}, {1, 1, 2, 1}, {2, 2, 2, 2}, {2, 2, 2, 2},  {1, 1, 1, 1},   {0, 1, 2, 3},
    {3, 3, 3, 3},  {0, 0, 1, 0}, {1, 1, 1, 1}, {-1, 4, 4, 4}, {-1, -1, 0, 0}, {-1, -1, 2, -1}};

TEST(Agreement, AlphaByHand) {
  const Alpha a = krippendorff(table_of({{0, 0}, {0, 1}, {1, 1}, {1, 1}}, 2), Distance::nominal);
  EXPECT_DOUBLE_EQ(a.observed, 0.25);
  EXPECT_NEAR(a.expected, 0.535714, 1e-6);
  EXPECT_NEAR(a.alpha, 0.533333, 1e-6);
  EXPECT_EQ(a.num_items, 4);
  EXPECT_EQ(a.num_labels, 8);
}

TEST(Agreement, AlphaOfThePublishedExample) {
  const Annotations a = table_of(kReliability, 5, data::LabelScale::Kind::ordinal);
  EXPECT_NEAR(krippendorff(a, Distance::nominal).alpha, 0.743, 5e-4);
  EXPECT_NEAR(krippendorff(a, Distance::ordinal).alpha, 0.815, 5e-4);
  EXPECT_NEAR(krippendorff(a, Distance::interval).alpha, 0.849, 5e-4);
  EXPECT_EQ(krippendorff(a, Distance::nominal).num_labels, 40);  // the unit of one observer is left out
}

// The definition, pair by pair.
double brute_force_alpha(const Annotations& a, Distance distance) {
  const size_t n_classes = a.scale.classes.size();
  std::vector<std::vector<double>> o(n_classes, std::vector<double>(n_classes));
  for (size_t i = 0; i < a.items.size(); ++i) {
    std::vector<size_t> labels;
    for (size_t r = 0; r < a.item.size(); ++r)
      if (a.item[r] == static_cast<int32_t>(i)) labels.push_back(static_cast<size_t>(a.label[r]));
    for (size_t x = 0; x < labels.size(); ++x)
      for (size_t y = 0; y < labels.size(); ++y)
        if (x != y) o[labels[x]][labels[y]] += 1.0 / static_cast<double>(labels.size() - 1);
  }
  std::vector<double> n(n_classes);
  double total = 0;
  for (size_t c = 0; c < n_classes; ++c)
    for (size_t k = 0; k < n_classes; ++k) {
      n[c] += o[c][k];
      total += o[c][k];
    }
  double observed = 0, expected = 0;
  for (size_t c = 0; c < n_classes; ++c)
    for (size_t k = 0; k < n_classes; ++k) {
      double d = c == k ? 0 : 1;
      if (distance == Distance::interval) d = static_cast<double>(c) - static_cast<double>(k);
      if (distance == Distance::ordinal && c != k) {
        d = -(n[c] + n[k]) / 2;
        for (size_t g = std::min(c, k); g <= std::max(c, k); ++g) d += n[g];
      }
      observed += o[c][k] * d * d / total;
      expected += n[c] * n[k] * d * d / (total * (total - 1));
    }
  return 1 - observed / expected;
}

std::vector<std::vector<int>> random_units(int items, int annotators, int classes, uint64_t seed) {
  core::Random random = core::Seed(seed).random();
  std::vector<std::vector<int>> units(static_cast<size_t>(items));
  for (auto& unit : units) {
    const int64_t common = random.below(classes);
    for (int j = 0; j < annotators; ++j)
      unit.push_back(random.uniform() < 0.3   ? -1
                     : random.uniform() < 0.5 ? static_cast<int>(common)
                                              : static_cast<int>(random.below(classes)));
  }
  return units;
}

TEST(Agreement, AlphaOfRandomTables) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Annotations a = table_of(random_units(30, 6, 4, seed), 4);
    for (const Distance distance : {Distance::nominal, Distance::ordinal, Distance::interval})
      EXPECT_NEAR(krippendorff(a, distance).alpha, brute_force_alpha(a, distance), 1e-12);
  }
}

TEST(Agreement, AlphaOfGroupsIsThatOfTheirTables) {
  const std::vector<std::vector<int>> units = random_units(40, 7, 3, 5);
  const std::vector<int32_t> codes = {0, 1, 0, -1, 1, 1, 0};
  const std::vector<Alpha> by_group =
      krippendorff_by_group(table_of(units, 3), Distance::ordinal, groups_of(codes, 2));
  ASSERT_EQ(by_group.size(), 2u);
  for (int32_t g = 0; g < 2; ++g) {
    std::vector<std::vector<int>> only = units;
    for (auto& unit : only)
      for (size_t j = 0; j < codes.size(); ++j)
        if (codes[j] != g) unit[j] = -1;
    EXPECT_NEAR(by_group[static_cast<size_t>(g)].alpha,
                brute_force_alpha(table_of(only, 3), Distance::ordinal), 1e-12);
  }
}

TEST(Agreement, RealLabelsAreIntervals) {
  const std::vector<std::vector<int>> units = random_units(30, 6, 5, 3);
  Annotations classes = table_of(units, 5), real = classes;
  real.scale = {data::LabelScale::Kind::real, {}};
  for (const int32_t label : real.label) real.value.push_back(1e6 + label);
  real.label.clear();
  EXPECT_NEAR(krippendorff(real, Distance::interval).alpha, brute_force_alpha(classes, Distance::interval),
              1e-9);
  EXPECT_EQ(message_of<InputError>([&] { krippendorff(real, Distance::nominal); }),
            "agreement: real labels have interval distances only");
}

TEST(Agreement, NothingToCompare) {
  EXPECT_TRUE(std::isnan(krippendorff(table_of({{0, -1}, {-1, 1}}, 2), Distance::nominal).alpha));
  EXPECT_TRUE(std::isnan(krippendorff(table_of({{0, 0}, {0, 0}}, 2), Distance::nominal).alpha));
  EXPECT_EQ(krippendorff(table_of({{0, 0}, {1, 1}}, 2), Distance::nominal).alpha, 1);
}

// Classes that are numbers stand at their values, others at 0, 1, 2 …
TEST(Agreement, ValuesOfClasses) {
  EXPECT_EQ(class_values({data::LabelScale::Kind::ordinal, {"-2", "0.5", "10"}}),
            (std::vector<double>{-2, 0.5, 10}));
  EXPECT_EQ(class_values({data::LabelScale::Kind::ordinal, {"1", "two", "3"}}),
            (std::vector<double>{0, 1, 2}));
}

// A second answer of the same person is no second opinion.
TEST(Agreement, RepeatsAreNotComparedWithOthers) {
  Annotations a = table_of({{0, 0}, {0, 1}, {1, 1}, {1, 1}}, 2);
  a.item.insert(a.item.begin() + 1, 0);
  a.annotator.insert(a.annotator.begin() + 1, 0);
  a.label.insert(a.label.begin() + 1, 1);
  EXPECT_NEAR(krippendorff(a, Distance::nominal).alpha, 0.533333, 1e-6);
}

TEST(Agreement, IntervalsHoldTheTruthOfManyTables) {
  // Two answers of independent annotators agree with probability 0.8² + 0.2² where each says the common class
  // of two with probability 0.8: alpha = 1 - 0.32 / 0.5 = 0.36.
  core::Random random = core::Seed(7).random();
  int covered = 0;
  for (int r = 0; r < 100; ++r) {
    std::vector<std::vector<int>> units(60);
    for (auto& unit : units) {
      const int common = static_cast<int>(random.below(2));
      for (int j = 0; j < 10; ++j)
        unit.push_back(random.uniform() < 0.5 ? -1 : random.uniform() < 0.8 ? common : 1 - common);
    }
    const auto estimates = krippendorff_intervals(table_of(units, 2), Distance::nominal,
                                                  groups_of(std::vector<int32_t>(10, 0), 1),
                                                  {.num_replicates = 100, .seed = core::Seed(1)});
    ASSERT_EQ(estimates.size(), 2u);
    EXPECT_EQ(estimates[0].estimate, estimates[1].estimate);  // one group of all
    covered += estimates[0].interval.low <= 0.36 && 0.36 <= estimates[0].interval.high;
  }
  EXPECT_GE(covered, 90);
}

TEST(Agreement, DoesNotDependOnThreads) {
  const Annotations a = table_of(random_units(200, 40, 3, 9), 3);
  std::vector<int32_t> codes(40, 0);
  std::fill(codes.begin() + 20, codes.end(), 1);
  const data::Attribute groups = groups_of(codes, 2);
  const auto measure = [&](int threads) {
    core::set_num_threads(threads);
    return krippendorff_intervals(a, Distance::ordinal, groups, {.num_replicates = 20});
  };
  const int before = core::num_threads();
  const auto one = measure(1), three = measure(3);
  core::set_num_threads(before);
  for (size_t s = 0; s < one.size(); ++s) EXPECT_EQ(one[s].replicates, three[s].replicates);
}

TEST(Agreement, OfItems) {
  const auto items = item_agreement({3, 2, {7, 3, 5, 5, 0, 0}});
  EXPECT_DOUBLE_EQ(items[0].agreement, (7.0 * 6 + 3 * 2) / 90);
  EXPECT_DOUBLE_EQ(items[0].largest_share, 0.7);
  EXPECT_NEAR(items[0].entropy, -0.7 * std::log2(0.7) - 0.3 * std::log2(0.3), 1e-15);
  EXPECT_DOUBLE_EQ(items[1].entropy, 1);
  EXPECT_TRUE(std::isnan(items[2].entropy));
}

// Ten repeats, eight alike: first answers 5 to 5, later ones 5 to 5: kappa = (0.8 - 0.5) / 0.5.
TEST(Agreement, WithOneself) {
  Annotations a;
  a.scale.classes = {"no", "yes"};
  for (int i = 0; i < 10; ++i) a.items.push_back(std::to_string(i));
  a.annotators = {"w0", "w1", "w2"};
  for (int i = 0; i < 10; ++i)
    for (int pass = 0; pass < 2; ++pass) {
      a.item.push_back(i);
      a.annotator.push_back(i % 2);
      const int changed = i == 0 || i == 9 ? pass : 0;
      a.label.push_back((i < 5 ? 0 : 1) ^ changed);
    }
  const SelfConsistency self = self_consistency(a, {.num_replicates = 200});
  EXPECT_EQ(self.num_repeats, 10);
  EXPECT_EQ(self.num_annotators, 2);
  EXPECT_DOUBLE_EQ(self.rate.estimate, 0.8);
  EXPECT_NEAR(self.kappa.estimate, 0.6, 1e-12);
  EXPECT_LT(self.rate.interval.low, 0.8);
  EXPECT_GT(self.rate.interval.high, 0.8);

  const SelfConsistency nobody = self_consistency(table_of({{0, 1}, {1, 1}}, 2), {.num_replicates = 20});
  EXPECT_EQ(nobody.num_repeats, 0);
  EXPECT_TRUE(std::isnan(nobody.rate.estimate));
}

}  // namespace
}  // namespace lathe::evaluate
