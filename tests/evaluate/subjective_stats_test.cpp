#include "lathe/evaluate/subjective/stats.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/error.h"
#include "lathe/data/opinions.h"
#include "lathe/evaluate/subjective/drift.h"
#include "tests/support/message.h"

namespace lathe::evaluate::subjective {
namespace {

using data::Annotations;
using testing_support::message_of;

Annotations opinions(data::OpinionOptions options, uint64_t seed) {
  options.num_features = 4;
  options.num_items = 150;
  options.num_annotators = 40;
  options.annotations_per_item = 8;
  return data::generate_opinions(options, core::Seed(seed)).annotations;
}

TEST(SubjectiveStats, AgreeWithTheTable) {
  const Annotations a = opinions({.repeat_rate = 0.1}, 1);
  const Stats s =
      stats(a, {.attributes = {"group"}, .min_group_size = 7, .bootstrap = {.num_replicates = 50}});
  EXPECT_EQ(s.num_items, 150);
  EXPECT_EQ(s.num_annotators, 40);
  EXPECT_EQ(s.annotators_of_samples.least, 8);
  EXPECT_EQ(s.num_components, 1);
  EXPECT_NEAR(s.class_shares[0] + s.class_shares[1], 1, 1e-9);
  ASSERT_EQ(s.groups.size(), 4u);
  EXPECT_EQ(s.groups[0].alpha.estimate, krippendorff(a, Distance::nominal).alpha);
  const data::Attribute groups = data::annotator_groups(a, {"group"});
  const auto by_group = krippendorff_by_group(a, Distance::nominal, groups);
  for (size_t g = 0; g < 3; ++g) EXPECT_EQ(s.groups[g + 1].alpha.estimate, by_group[g].alpha);
  EXPECT_TRUE(s.groups[3].suppressed);  // six people
  EXPECT_EQ(s.self.num_repeats, a.size() - 1200);

  const std::vector<int32_t> others = leave_one_out_majority(a, count_votes(a));
  double same = 0;
  for (size_t row = 0; row < others.size(); ++row) same += others[row] == a.label[row];
  EXPECT_NEAR(s.groups[0].others.estimate, same / static_cast<double>(a.size()), 1e-6);

  const std::string text = agreement_table(s).to_text();
  EXPECT_NE(text.find("suppressed"), std::string::npos);
  EXPECT_FALSE(to_json(s)["groups"][3].contains("alpha"));
  EXPECT_EQ(to_json(s)["groups"].size(), 4u);
  EXPECT_THROW(stats(a, {.attributes = {"grup"}}), InputError);
}

TEST(SubjectiveStats, RealLabels) {
  Annotations a = opinions({}, 2);
  a.scale = {data::LabelScale::Kind::real, {}};
  a.value.assign(a.label.begin(), a.label.end());
  a.label.clear();
  const Stats s = stats(a, {.bootstrap = {.num_replicates = 20}});
  EXPECT_EQ(s.distance, Distance::interval);
  ASSERT_EQ(s.groups.size(), 1u);
  EXPECT_FALSE(std::isnan(s.groups[0].alpha.estimate));
  EXPECT_TRUE(std::isnan(s.groups[0].others.estimate));
  EXPECT_GT(sizes_table(s).size(), 5u);
}

const Change& find(const std::vector<Change>& changes, const std::string& what) {
  for (const Change& change : changes)
    if (change.what == what) return change;
  throw std::logic_error("no change of " + what);
}

TEST(SubjectiveDrift, FindsWhatChangedAndNothingElse) {
  const DriftOptions options{.attributes = {"group"}, .bootstrap = {.num_replicates = 100}};
  int alarms = 0, lines = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const std::vector<Change> changes = drift(opinions({}, 2 * seed), opinions({}, 2 * seed + 1), options);
    lines += static_cast<int>(changes.size());
    bool any = false;
    for (const Change& change : changes)
      any = any || (change.changed && change.what.find("common") == std::string::npos);
    alarms += any;
  }
  EXPECT_GT(lines, 50);
  EXPECT_LE(alarms, 2);

  // The same samples by the same people, who now often say "yes" instead; then at random; then other people.
  const Annotations before = opinions({.group_strength = 0.3, .threshold = 0.1, .ambiguity = 0.2}, 1);
  Annotations after = before;
  core::Random random = core::Seed(5).random();
  for (int32_t& label : after.label) label = random.uniform() < 0.33 ? 1 : label;
  const std::vector<Change> changes = drift(before, after, options);
  EXPECT_TRUE(find(changes, "share of yes").changed);
  EXPECT_TRUE(find(changes, "share of yes, common samples").changed);
  EXPECT_FALSE(find(changes, "total variation of annotators' group").changed);
  EXPECT_EQ(find(changes, "total variation of annotators' group").after, 0);
  EXPECT_GT(find(changes, "share of yes").difference.low, 0);

  for (int32_t& label : after.label) label = random.uniform() < 0.5 ? 1 : 0;
  EXPECT_TRUE(find(drift(before, after, options), "Krippendorff's alpha").changed);

  const std::vector<Change> people = drift(before, opinions({.groups = {0.1, 0.1, 0.8}}, 1), options);
  EXPECT_TRUE(find(people, "total variation of annotators' group").changed);
  EXPECT_NEAR(find(people, "total variation of annotators' group").after, 0.65, 1e-9);
  EXPECT_EQ(drift_table(people).size(), people.size());
}

TEST(SubjectiveDrift, RefusesOtherScales) {
  Annotations other = opinions({}, 1);
  other.scale.classes = {"yes", "no"};
  EXPECT_EQ(message_of<InputError>([&] { drift(opinions({}, 1), other); }),
            "the two waves have different scales of labels");
}

}  // namespace
}  // namespace lathe::evaluate::subjective
