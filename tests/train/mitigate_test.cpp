#include "lathe/train/opinion/mitigate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/data/opinions.h"
#include "tests/support/message.h"

namespace lathe::train::opinion {
namespace {

using testing_support::message_of;

class Mitigate : public ::testing::Test {
 protected:
  std::vector<Mitigated> run(const MitigateOptions& options) const {
    const core::QuietProgress quiet;
    MitigateOptions without = options;
    without.measure.num_replicates = 0;
    return mitigate(inputs, table, split, without, core::Seed(2));
  }
  data::Annotations table =
      data::generate_opinions({.num_items = 100, .num_annotators = 16, .num_features = 4}, core::Seed(1))
          .annotations;
  OpinionInputs inputs = opinion_inputs(table, table_features(table), {"group"});
  data::AnnotationSplit split = data::split(table, data::SplitBy::item, 0.25, core::Seed(3));
};

TEST_F(Mitigate, EveryStrategyAnswersTheTestAnnotations) {
  const auto results = run({.attributes = {"group"}});
  ASSERT_EQ(results.size(), strategies().size());
  std::set<std::vector<float>> different;
  for (const Mitigated& one : results) {
    const auto& rows = one.predictions.rows;
    EXPECT_TRUE(std::includes(split.test.begin(), split.test.end(), rows.begin(), rows.end()));
    if (one.strategy == "abstain")
      EXPECT_LT(one.answered, 1);
    else
      EXPECT_EQ(rows, split.test) << one.strategy;
    EXPECT_NEAR(one.answered, static_cast<double>(rows.size()) / static_cast<double>(split.test.size()),
                1e-12);
    different.insert(one.predictions.probabilities);
  }
  EXPECT_EQ(different.size(), results.size());
}

// By definition: of two strategies on the front none has more of both.
TEST_F(Mitigate, TheFrontIsWhatNothingBeats) {
  const auto results = run({.strategies = {"majority", "all", "group", "person"}, .attributes = {"group"}});
  const auto point = [](const Mitigated& one) {
    const auto& score = one.measurement.tables[0].score(evaluate::opinion::Metric::accuracy);
    return std::pair(score.general.value, score.fairness.value);
  };
  for (const Mitigated& one : results) {
    const bool beaten = std::any_of(results.begin(), results.end(), [&](const Mitigated& other) {
      const auto [g, f] = point(one);
      const auto [other_g, other_f] = point(other);
      return other_g >= g && other_f >= f && (other_g > g || other_f > f);
    });
    EXPECT_EQ(one.on_front, !beaten) << one.strategy;
  }
}

// Sets miss at most alpha of the labels of items that were not calibrated on: an answer is right where its
// set, of one label, has it.
TEST_F(Mitigate, AbstainingAnswersMoreAtALargerAlpha) {
  const auto answered = [&](double alpha) {
    return run({.strategies = {"abstain"}, .attributes = {"group"}, .abstain_alpha = alpha})[0].answered;
  };
  EXPECT_LT(answered(0.15), answered(0.3));
}

TEST_F(Mitigate, SaysWhatIsWrong) {
  EXPECT_EQ(message_of<InputError>([&] { run({.strategies = {"persn"}}); }),
            "no strategy 'persn'; did you mean 'person'?");
  EXPECT_EQ(message_of<InputError>([&] { run({.attributes = {"grup"}}); }),
            "no attribute 'grup'; did you mean 'group'?");
  EXPECT_NE(message_of<InputError>([&] {
              run({.strategies = {"abstain"}, .abstain_alpha = 0});
            }).find("no test annotation"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::train::opinion
