#include "lathe/evaluate/opinion/slices.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/evaluate/opinion/opinion_space.h"
#include "tests/evaluate/opinion_table.h"

namespace lathe::evaluate::opinion {
namespace {

using namespace testing;

TEST(OpinionSlices, AgreeWithBruteForce) {
  data::Annotations table = random_table(3, 50, 12, 2, 0.6);
  data::Attribute topic{"topic", {"x", "y"}, {}};
  for (int32_t i = 0; i < 50; ++i) topic.codes.push_back(i % 5 == 0 ? -1 : i % 2);
  table.item_attributes = {topic, {"name", table.items, {}}};
  for (int32_t i = 0; i < 50; ++i) table.item_attributes[1].codes.push_back(i);
  const OpinionPredictions predictions = random_predictions(table, 8);
  const std::vector<int32_t> predicted = predicted_labels(predictions);
  const Slices slices =
      worst_slices(table, predictions, {.bins = {.min_group_size = 1}, .num_replicates = 40},
                   {.min_annotations = 1, .max_item_values = 49});
  EXPECT_EQ(slices.left_out, (std::vector<std::string>{"name"}));
  EXPECT_EQ(slices.num_hidden, 0);
  EXPECT_EQ(slices.slices.size(), 3u + 3 + 9);
  double overall = 0;
  for (size_t row = 0; row < predicted.size(); ++row) overall += predicted[row] == table.label[row];
  overall /= static_cast<double>(predicted.size());
  const char* topics[] = {"x", "y", "unknown"};
  for (const Slice& slice : slices.slices) {
    double right = 0, all = 0;
    std::vector<char> people(12, 0);
    for (size_t row = 0; row < predicted.size(); ++row) {
      const int32_t code = topic.codes[static_cast<size_t>(table.item[row])];
      const std::string person = "group = g" + std::to_string(table.annotator[row] % 3),
                        item = std::string("topic = ") + topics[code < 0 ? 2 : code];
      if (slice.name != person && slice.name != item && slice.name != person + ", " + item) continue;
      right += predicted[row] == table.label[row];
      ++all;
      people[static_cast<size_t>(table.annotator[row])] = 1;
    }
    EXPECT_EQ(slice.num_annotations, all) << slice.name;
    EXPECT_EQ(slice.num_annotators, std::count(people.begin(), people.end(), 1)) << slice.name;
    EXPECT_NEAR(slice.accuracy.value, right / all, 1e-12) << slice.name;
    EXPECT_NEAR(slice.gap.value, right / all - overall, 1e-12) << slice.name;
    EXPECT_LE(slice.gap.interval.low, slice.gap.value);
    EXPECT_GE(slice.gap.interval.high, slice.gap.value);
  }
  for (size_t s = 1; s < slices.slices.size(); ++s)
    EXPECT_LE(slices.slices[s - 1].accuracy.value, slices.slices[s].accuracy.value);
}

TEST(OpinionSlices, HideFewPeopleAndSayLittleOfFewAnnotations) {
  const data::Annotations table = random_table(3, 50, 12, 2, 0.6);  // groups of four
  const OpinionPredictions predictions = random_predictions(table, 8);
  const Slices slices = worst_slices(table, predictions, {.num_replicates = 0});
  EXPECT_TRUE(slices.slices.empty());
  EXPECT_EQ(slices.num_hidden, 3);
  const Slices few = worst_slices(table, predictions, {.bins = {.min_group_size = 4}, .num_replicates = 0},
                                  {.min_annotations = 1000});
  EXPECT_EQ(few.num_hidden, 3);
}

// Two camps that answer oppositely: the first component parts them, and clusters hold one camp each.
TEST(OpinionSpace, PartsTwoCamps) {
  core::Random random(2);
  std::vector<Answer> answers;
  for (int32_t i = 0; i < 120; ++i)
    for (int32_t a = 0; a < 30; ++a)
      if (random.uniform() < 0.4)
        answers.push_back(
            {i, a, static_cast<int32_t>(((i % 2 == 0) == (a % 2 == 0)) != (random.uniform() < 0.1))});
  const data::Annotations table = table_of(answers, 120, 31);  // the last one says nothing
  const Profile p = profile(table);
  const OpinionMap map = opinion_map(table, p, core::Seed(1));
  for (size_t a = 2; a < 30; ++a) EXPECT_EQ(map.x[a] > 0, map.x[a % 2] > 0) << a;
  EXPECT_GT(map.explained_x, 2 * map.explained_y);
  EXPECT_NEAR(map.x[30], 0, 1e-6);
  const CoClusters clusters = co_cluster(table, p, 2, core::Seed(1));
  EXPECT_NE(clusters.annotator[0], clusters.annotator[1]);
  EXPECT_NE(clusters.item[0], clusters.item[1]);
  EXPECT_EQ(clusters.annotator[30], -1);
  int same_annotator = 0, same_item = 0;
  for (size_t a = 0; a < 30; ++a) same_annotator += clusters.annotator[a] == clusters.annotator[a % 2];
  for (size_t i = 0; i < 120; ++i) same_item += clusters.item[i] == clusters.item[i % 2];
  EXPECT_EQ(same_annotator, 30);
  EXPECT_GE(same_item, 114);
  EXPECT_THROW(opinion_map(table_of({{0, 0, 1}, {0, 1, 0}}, 1, 2),
                           profile(table_of({{0, 0, 1}, {0, 1, 0}}, 1, 2)), core::Seed(1)),
               InputError);
}

// The sum of the squares of all components is that of the residuals: the two largest of a small table by
// hand.
TEST(OpinionSpace, IsThatOfTheMatrix) {
  const data::Annotations table = random_table(4, 12, 6, 3, 0.7);
  const Profile p = profile(table);
  Eigen::MatrixXd residuals = Eigen::MatrixXd::Zero(6, 12 * 3);
  for (size_t row = 0; row < table.item.size(); ++row)
    for (int32_t c = 0; c < 3; ++c)
      residuals(table.annotator[row], 3 * table.item[row] + c) =
          (table.label[row] == c ? 1 : 0) - static_cast<double>(p.votes.of(table.item[row])[c]) /
                                                static_cast<double>(p.votes.total(table.item[row]));
  const Eigen::VectorXd squares = residuals.jacobiSvd().singularValues().array().square();
  const OpinionMap map = opinion_map(table, p, core::Seed(3));
  EXPECT_NEAR(map.explained_x, squares[0] / squares.sum(), 1e-6);
  EXPECT_NEAR(map.explained_y, squares[1] / squares.sum(), 1e-6);
  double sum = 0;
  for (const double x : map.x) sum += x * x;
  EXPECT_NEAR(sum, squares[0], 1e-6);
}

}  // namespace
}  // namespace lathe::evaluate::opinion
