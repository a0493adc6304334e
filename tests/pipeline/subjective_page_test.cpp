#include "lathe/pipeline/subjective_page.h"

#include <gtest/gtest.h>

#include "lathe/data/opinions.h"
#include "tests/pipeline/synthetic_bundle.h"

namespace lathe::pipeline {
namespace {

namespace subjective = evaluate::subjective;

// Six people are in the last group, which is named after what a page must not run.
SubjectiveReport report_of(int64_t min_group_size) {
  data::Annotations a =
      data::generate_opinions(
          {.num_items = 100, .num_annotators = 40, .annotations_per_item = 6, .num_features = 4},
          core::Seed(1))
          .annotations;
  for (std::string& value : a.annotator_attributes[0].values)
    if (value == "g2") value = kHostileClass;
  SubjectiveReport report;
  report.specification = subjective::parse_specification(
      "[users]\nattributes = { value = ['group'] }\nmin_group_size = { value = " +
          std::to_string(min_group_size) + " }\n[samples]\nstrata = { value = ['ambiguity'] }",
      "s.toml");
  report.check = subjective::check(report.specification, a, {.bootstrap = {.num_replicates = 20}});
  report.stats = subjective::stats(
      a, {.attributes = {"group"}, .min_group_size = min_group_size, .bootstrap = {.num_replicates = 20}});
  evaluate::OpinionPredictions yes{.rows = {}, .num_classes = 2, .probabilities = {}};
  for (int64_t row = 0; row < a.size(); ++row) {
    yes.rows.push_back(row);
    yes.probabilities.insert(yes.probabilities.end(), {0.25F, 0.75F});
  }
  report.evaluations = {subjective::evaluate(report.specification, a, yes,
                                             {.model = "yes", .bootstrap = {.num_replicates = 20}})};
  return report;
}

const Section& find(const Page& page, const std::string& title) {
  for (const Section& section : page.sections)
    if (section.title == title) return section;
  throw std::logic_error("no section " + title);
}

std::string value_of(const Page& page, const std::string& name) {
  for (const auto& [key, value] : page.headline)
    if (key == name) return value;
  return "none";
}

TEST(SubjectivePage, ShowsEveryGroupThatIsLargeEnough) {
  const Page page = subjective_page(report_of(6), "forty people");
  EXPECT_EQ(page.title, "Whose opinion does this model serve?");
  EXPECT_EQ(value_of(page, "yes, verdict"), "not decidable");
  EXPECT_EQ(value_of(page, "checks violated"), "0");
  const Section& groups = find(page, "Who is served badly?");
  EXPECT_EQ(groups.tables[0].size(), 3u);
  ASSERT_EQ(groups.charts.size(), 2u);
  EXPECT_EQ(groups.charts[0].num_marks, 2 * 4);  // everything and three groups, a point and a whisker each
  EXPECT_EQ(find(page, "On which samples?").charts[0].num_marks, 2 * 4);
  EXPECT_EQ(find(page, "How far do people agree?").charts.size(), 2u);
  const std::string html = render_html(page);
  EXPECT_EQ(html.find(kHostileClass), std::string::npos);
}

TEST(SubjectivePage, SmallGroupsAreNamedAndNothingElse) {
  const SubjectiveReport report = report_of(7);
  const Page page = subjective_page(report, "");
  const Section& groups = find(page, "Who is served badly?");
  EXPECT_NE(groups.text.find("Too small to be told of"), std::string::npos);
  EXPECT_NE(groups.text.find(kHostileClass), std::string::npos);
  EXPECT_EQ(groups.charts[0].num_marks, 2 * 3);
  EXPECT_EQ(find(page, "How far do people agree?").charts[0].num_marks, 2 * 3);
  EXPECT_NE(groups.tables[0].to_text().find("suppressed"), std::string::npos);
}

TEST(SubjectivePage, WithoutAModel) {
  SubjectiveReport report = report_of(6);
  report.evaluations.clear();
  const Page page = subjective_page(report, "");
  EXPECT_EQ(page.title, "Whose opinions were asked?");
  EXPECT_EQ(page.sections[0].title, "How far do people agree?");
  EXPECT_FALSE(render_html(page).empty());
}

}  // namespace
}  // namespace lathe::pipeline
