#include "lathe/evaluate/opinion/profile.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/opinion/accuracy.h"
#include "tests/evaluate/opinion_table.h"
#include "tests/support/message.h"

namespace lathe::evaluate::opinion {
namespace {

using namespace testing;

// Two items, four people: 1110 and 1000.
data::Annotations eight_votes() {
  return table_of({{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 0}, {1, 0, 1}, {1, 1, 0}, {1, 2, 0}, {1, 3, 0}}, 2,
                  4);
}

TEST(OpinionProfile, OfEightVotes) {
  const Profile p = profile(eight_votes());
  EXPECT_EQ(p.majority, (std::vector<int32_t>{1, 0}));
  EXPECT_EQ(p.agreement, (std::vector<double>{0.75, 0.75}));
  EXPECT_EQ(p.disagreement, (std::vector<double>{0.5, 0, 0, 0.5}));
  EXPECT_EQ(p.popularity, (std::vector<double>{0.75, 0.75, 0.75, 0.25, 0.25, 0.75, 0.75, 0.75}));
}

TEST(OpinionProfile, OfATie) {
  const data::Annotations table = table_of({{0, 0, 0}, {0, 1, 0}, {0, 2, 1}, {0, 3, 1}}, 1, 4);
  EXPECT_EQ(profile(table).majority[0], 1);
  EXPECT_EQ(profile(table).agreement[0], 0.5);
  EXPECT_EQ(profile(table, TieRule::lowest).majority[0], 0);
  // Of the others, everybody's own side has lost: 1 : 2.
  for (const double adr : profile(table).disagreement_with_others) EXPECT_EQ(adr, 1);
}

TEST(OpinionProfile, LeavesOutWhoSaidNothing) {
  const data::Annotations table = table_of({{0, 0, 0}, {0, 1, 0}, {2, 0, 1}}, 3, 3);
  const Profile p = profile(table);
  EXPECT_TRUE(std::isnan(p.disagreement[2]) && std::isnan(p.agreement[1]));
  EXPECT_EQ(p.majority[1], kNoMajority);
  EXPECT_EQ(p.disagreement_with_others[0], 0);  // item 2 has nobody else
}

TEST(OpinionProfile, RefusesWhatIsAggregated) {
  const auto message = testing_support::message_of<InputError>([] {
    profile(table_of({{0, 0, 1}, {1, 1, 0}, {2, 0, 1}}, 3, 2));
  });
  EXPECT_NE(message.find("aggregated"), std::string::npos) << message;
  data::Annotations real;
  real.scale.kind = data::LabelScale::Kind::real;
  EXPECT_THROW(profile(real), InputError);
}

TEST(OpinionAccuracy, CountsAnnotators) {
  const data::Annotations table = eight_votes();
  const AnnotatorAccuracy accuracy =
      annotator_accuracy(table, certain_predictions({0, 3, 4, 7}, {1, 1, 1, 0}, 2));
  EXPECT_EQ(accuracy.correct, (std::vector<int64_t>{2, 0, 0, 1}));
  EXPECT_EQ(accuracy.answered, (std::vector<int64_t>{2, 0, 0, 2}));
  EXPECT_EQ(accuracy.overall(), 0.75);
  EXPECT_TRUE(std::isnan(accuracy.of(1)));
}

TEST(OpinionAccuracy, RefusesPredictionsOfAnotherTable) {
  const data::Annotations table = eight_votes();
  const auto refused = [&](OpinionPredictions predictions) {
    EXPECT_THROW(annotator_accuracy(table, predictions), InputError);
  };
  refused(certain_predictions({0, 8}, {1, 1}, 2));
  refused(certain_predictions({1, 0}, {1, 1}, 2));
  refused(certain_predictions({1, 1}, {1, 1}, 2));
  refused(certain_predictions({-1}, {1}, 2));
  refused(certain_predictions({0}, {1}, 3));
  refused({{0, 1}, 2, {1, 0}});
}

}  // namespace
}  // namespace lathe::evaluate::opinion
