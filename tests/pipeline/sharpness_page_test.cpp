#include "lathe/pipeline/sharpness_page.h"

#include <gtest/gtest.h>

namespace lathe::pipeline {
namespace {

optim::SharpnessReport report(int64_t examples, double scale) {
  optim::SharpnessReport r;
  r.examples = examples;
  r.parameters = 7;
  r.loss = scale;
  r.ascent = {{.micro_batch = examples, .rho = 0.1, .one_step = scale, .projected = 2 * scale},
              {.micro_batch = 16, .rho = 0.1, .one_step = 3 * scale, .projected = 4 * scale}};
  r.spectrum = {
      .values = {6 * scale, 3 * scale}, .residuals = {1e-5, 1e-4}, .products = 9, .converged = true};
  r.slice = {.coordinates = {-1, 0, 1}, .losses = {{9, 2, 3}, {2, 1, 2}, {3, 2, 8}}};
  return r;
}

// One row for the same number of every model, though "all" is another m in each; blank where there is none.
TEST(SharpnessPage, TableHasAColumnForEachModel) {
  auto second = report(60, 10);
  second.average = {{.rho = 0.1, .sigma = 0.05, .mean = 0.5, .standard_error = 0.125}};
  const auto json = sharpness_table({{"a", report(40, 1)}, {"b", second}}).to_json();
  const auto row = [&](const std::string& measure, const std::string& m) {
    std::vector<nlohmann::json> found;
    for (const auto& r : json)
      if (r.at("measure") == measure && r.at("m") == m) found.push_back({r.at("a"), r.at("b")});
    EXPECT_EQ(found.size(), 1u) << measure;
    return found.empty() ? nlohmann::json() : found[0];
  };
  EXPECT_EQ(row("examples n", ""), (nlohmann::json{40, 60}));
  EXPECT_EQ(row("SAM sharpness", "all"), (nlohmann::json{1.0, 10.0}));
  EXPECT_EQ(row("projected ascent", "16"), (nlohmann::json{4.0, 40.0}));
  EXPECT_EQ(row("random direction", "all"), (nlohmann::json{"", 0.5}));
  EXPECT_EQ(row("eigenvalue 1 / 2", "all"), (nlohmann::json{2.0, 2.0}));
  EXPECT_EQ(row("eigenvalues, largest residual", "all"), (nlohmann::json{1e-4, 1e-4}));
}

TEST(SharpnessPage, HasAChartForWhatWasMeasured) {
  const auto charts = [](const Page& page) {
    std::vector<std::string> titles;
    for (const auto& section : page.sections)
      for (const auto& chart : section.charts) titles.push_back(chart.title);
    return titles;
  };
  EXPECT_EQ(charts(sharpness_page({{"a", report(40, 1)}, {"b", report(40, 2)}}, "")),
            (std::vector<std::string>{"Ascent on all examples", "Ascent, m = 16", "Eigenvalues", "a", "b"}));
  EXPECT_TRUE(charts(sharpness_page({{"a", {}}}, "")).empty());
}

// The second direction points up.
TEST(SharpnessPage, SliceIsTheRightWayRound) {
  const Page page = sharpness_page({{"a", report(40, 1)}}, "");
  for (const auto& section : page.sections)
    if (section.title == "Loss slice") {
      const auto& cells = section.charts[0].spec.at("data")[0].at("values");
      EXPECT_EQ(cells[2].at("value"), 8);  // top right: a = b = 1
      return;
    }
  FAIL() << "no loss slice";
}

}  // namespace
}  // namespace lathe::pipeline
