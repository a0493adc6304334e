#include "lathe/pipeline/opinion_page.h"

#include <gtest/gtest.h>

#include "lathe/data/opinions.h"
#include "lathe/evaluate/opinion/oracles.h"

namespace lathe::pipeline {
namespace {

namespace opinion = evaluate::opinion;

struct Made {
  data::Annotations table;
  opinion::Profile profile;
  OpinionReport report;
};

// Groups of 18, 9 and 3 people.
Made made() {
  Made m{data::generate_opinions({.num_items = 200, .num_annotators = 30, .groups = {0.6, 0.3, 0.1}},
                                 core::Seed(1))
             .annotations,
         {},
         {}};
  m.profile = opinion::profile(m.table);
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < m.table.size(); row += 2) rows.push_back(row);
  const opinion::MeasureOptions options{.bins = {.attributes = {"group"}}, .num_replicates = 20};
  for (const auto& [name, predictions] :
       {std::pair{"<model>", opinion::others_oracle(m.table, m.profile, rows)},
        std::pair{"majority", opinion::majority_oracle(m.table, m.profile, rows)}})
    m.report.models.push_back(
        {name, predictions, opinion::measure(m.table, m.profile, predictions, options)});
  m.report.slices = opinion::worst_slices(m.table, m.report.models[0].predictions, options);
  m.report.causes =
      opinion::explain(m.table, m.profile, {{"<model>", m.report.models[0].predictions}}, options);
  return m;
}

const core::Chart& chart(const Page& page, const std::string& title) {
  for (const Section& section : page.sections)
    for (const core::Chart& one : section.charts)
      if (one.title.find(title) != std::string::npos) return one;
  throw std::out_of_range(title);
}

TEST(OpinionPage, HasEveryPicture) {
  const Made m = made();
  const Page page = opinion_page(m.table, m.profile, m.report, "made up");
  const int64_t users = static_cast<int64_t>(m.report.models[0].measurement.users.users.size());
  EXPECT_GT(users, 20);
  EXPECT_EQ(chart(page, "Users from the worst").num_marks, 2 * users);  // points and whiskers
  EXPECT_EQ(chart(page, "Disagreement with the majority").num_marks, users + 61);
  EXPECT_EQ(chart(page, "Annotator disagreement").spec.at("signals")[0].at("value").size(), 5u);
  EXPECT_EQ(chart(page, "Demography").num_marks, 4);  // the group of three is not shown
  EXPECT_EQ(chart(page, "Share of wrong predictions").num_marks, 64);
  EXPECT_EQ(chart(page, "Map of opinions").num_marks, users);
  EXPECT_EQ(chart(page, "Popularity of the opinions").spec.at("data")[1].at("values").size(), 20u);
  EXPECT_EQ(chart(page, "Fairness and performance").num_marks, 4);
  EXPECT_GT(chart(page, "slices served worst").num_marks, 10);
  const std::string html = render_html(page);
  EXPECT_EQ(html.find("<model>"), std::string::npos);  // escaped
  EXPECT_EQ(html.find("group = g2"), std::string::npos);
}

TEST(OpinionPage, WritesEveryTableWhole) {
  const Made m = made();
  std::vector<std::string> names;
  for (const NamedTable& table : opinion_tables(m.table, m.report)) {
    names.push_back(table.name);
    EXPECT_GT(table.table.size(), 0u) << table.name;
    EXPECT_EQ(table.table.to_json().size(), table.table.size());
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"users", "slices", "unfairness", "scores", "annotator_disagreement",
                                      "annotation_popularity", "sample_ambiguity", "demography", "causes",
                                      "steps", "regression"}));
}

}  // namespace
}  // namespace lathe::pipeline
