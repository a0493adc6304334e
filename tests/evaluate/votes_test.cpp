#include "lathe/evaluate/votes.h"

#include <gtest/gtest.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/opinions.h"
#include "tests/support/message.h"

namespace lathe::evaluate {
namespace {

using testing_support::message_of;

// Everybody answers every item; answers[item][annotator].
data::Annotations table_of(const std::vector<std::vector<int32_t>>& answers, int64_t num_classes = 2) {
  data::Annotations a;
  for (int64_t c = 0; c < num_classes; ++c) a.scale.classes.push_back(std::to_string(c));
  for (size_t i = 0; i < answers.size(); ++i) {
    a.items.push_back("i" + std::to_string(i));
    for (size_t j = 0; j < answers[i].size(); ++j) {
      if (i == 0) a.annotators.push_back("w" + std::to_string(j));
      a.item.push_back(static_cast<int32_t>(i));
      a.annotator.push_back(static_cast<int32_t>(j));
      a.label.push_back(answers[i][j]);
    }
  }
  return data::in_order(a);
}

TEST(Votes, TiesArePositiveOfTwoClassesAndTheFirstOfMore) {
  const Votes two = count_votes(table_of({{1, 1, 1, 0}, {1, 0, 0, 0}, {1, 1, 0, 0}}));
  EXPECT_EQ(majority(two), (std::vector<int32_t>{1, 0, 1}));
  EXPECT_EQ(majority(two, TieRule::lowest), (std::vector<int32_t>{1, 0, 0}));
  EXPECT_EQ(two.total(2), 4);
  const Votes three = count_votes(table_of({{2, 1, 1, 2}}, 3));
  EXPECT_EQ(majority(three), std::vector<int32_t>{1});
  EXPECT_EQ(majority(three, TieRule::highest), std::vector<int32_t>{2});
}

TEST(Votes, LeavingOneOutAsksTheOthersOnly) {
  const data::Annotations a = table_of({{1, 1, 0}, {1, 0, 0}});
  EXPECT_EQ(leave_one_out_majority(a, count_votes(a)), (std::vector<int32_t>{1, 1, 1, 0, 1, 1}));
  const data::Annotations alone = table_of({{1}});
  EXPECT_EQ(leave_one_out_majority(alone, count_votes(alone)), std::vector<int32_t>{kNoMajority});
}

TEST(Votes, LeavingOneOutEqualsCountingTheRest) {
  const data::Annotations a =
      data::generate_opinions(
          {.num_items = 60, .num_annotators = 12, .annotations_per_item = 4, .repeat_rate = 0.3},
          core::Seed(2))
          .annotations;
  const std::vector<int32_t> fast = leave_one_out_majority(a, count_votes(a));
  for (size_t i = 0; i < fast.size(); ++i) {
    int64_t yes = 0, no = 0;
    for (size_t j = 0; j < fast.size(); ++j)
      if (a.item[j] == a.item[i] && a.annotator[j] != a.annotator[i]) (a.label[j] == 1 ? yes : no) += 1;
    EXPECT_EQ(fast[i], yes + no == 0 ? kNoMajority : yes >= no ? 1 : 0);
  }
}

class OpinionPredictionFile : public ::testing::Test {
 protected:
  PredictionFile read(const std::string& text) {
    core::write_file(file, text);
    return read_opinion_predictions(file, table);
  }
  std::string refusal(const std::string& text) {
    return message_of<InputError>([&] { read(text); });
  }
  core::TemporaryDirectory directory;
  std::filesystem::path file = directory.path() / "p.csv";
  data::Annotations table = table_of({{1, 0}, {0, 0}});
};

TEST_F(OpinionPredictionFile, OneAnswerGoesToEverybody) {
  const OpinionPredictions p = complete(read("item,prob_0,prob_1\ni1,0.25,0.75\ni0,1,0\n"));
  EXPECT_EQ(p.rows, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(p.probabilities, (std::vector<float>{1, 0, 1, 0, 0.25F, 0.75F, 0.25F, 0.75F}));
  EXPECT_EQ(predicted_labels(p), (std::vector<int32_t>{0, 0, 1, 1}));
}

TEST_F(OpinionPredictionFile, AnswersToEachAnnotatorMayBeMissing) {
  const PredictionFile f = read("item,annotator,label\ni0,w1,1\ni1,w0,0\n");
  EXPECT_EQ(f.predictions.rows, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(f.predictions.probabilities, (std::vector<float>{0, 1, 1, 0}));
  EXPECT_EQ(f.num_missing, 2);
  EXPECT_EQ(message_of<InputError>([&] { complete(f); }),
            "2 annotations have no prediction: item i0, annotator w0; item i1, annotator w1");
}

TEST_F(OpinionPredictionFile, SaysWhatIsWrongAndWhere) {
  EXPECT_NE(refusal("item,label\ni9,1\n").find("p.csv:2: item 'i9' is not among the annotations"),
            std::string::npos);
  EXPECT_NE(refusal("item,annotator,label\ni0,w9,1\n").find("annotator 'w9' is not among"),
            std::string::npos);
  EXPECT_NE(refusal("item,label\ni0,1\ni0,0\n")
                .find("p.csv:3: a second prediction of item 'i0'; the first is line 2"),
            std::string::npos);
  EXPECT_NE(refusal("item,label\ni0,7\n").find("label '7' is not on the scale; it has 0, 1"),
            std::string::npos);
  EXPECT_NE(refusal("item,prob_0,prob_1\ni0,0.5,0.6\n").find("sum to 1.1, not to 1"), std::string::npos);
  EXPECT_NE(refusal("item,prob_0,prob_1\ni0,-0.5,1.5\n").find("must be a probability, got '-0.5'"),
            std::string::npos);
  EXPECT_NE(refusal("item,prob_0\ni0,1\n").find("predictions are a column label, or prob_0"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::evaluate
