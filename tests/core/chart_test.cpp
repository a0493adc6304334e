#include "lathe/core/chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "lathe/core/base64.h"

namespace lathe::core {
namespace {

using nlohmann::json;

// The names that a specification defines and those that its marks, axes and legends refer to.
struct References {
  std::set<std::string> data, scales, used_data, used_scales;
};

void collect_uses(const json& node, References& references) {
  if (node.is_object()) {
    for (const auto& [key, value] : node.items()) {
      if (key == "scale" && value.is_string()) references.used_scales.insert(value);
      if (key == "data" && value.is_string()) references.used_data.insert(value);
      if (key == "facet") references.data.insert(value["name"]);
      if (key != "values") collect_uses(value, references);
    }
  } else if (node.is_array()) {
    for (const json& element : node) collect_uses(element, references);
  }
}

bool includes(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

// What Vega would only complain about in a browser.
void expect_valid(const Chart& chart) {
  const json& spec = chart.spec;
  EXPECT_EQ(spec["$schema"], "https://vega.github.io/schema/vega/v5.json");
  EXPECT_EQ(spec["description"], chart.title);
  EXPECT_TRUE(spec["width"].is_number());
  References references;
  ASSERT_TRUE(spec["data"].is_array() && spec["marks"].is_array());
  for (const json& data : spec["data"]) {
    references.data.insert(data["name"]);
    ASSERT_TRUE(data["values"].is_array());
    for (const json& row : data["values"]) {
      for (const json& value : row) EXPECT_FALSE(value.is_null());
    }
  }
  for (const json& scale : spec.value("scales", json::array())) references.scales.insert(scale["name"]);
  collect_uses(spec["marks"], references);
  collect_uses(spec.value("axes", json::array()), references);
  std::set<std::string> names;  // two marks of one name in a group are refused
  for (const json& mark : spec["marks"])
    if (mark.contains("name")) EXPECT_TRUE(names.insert(mark["name"]).second);
  EXPECT_TRUE(includes(references.data, references.used_data));
  EXPECT_TRUE(includes(references.scales, references.used_scales));
}

const json& rows(const Chart& chart, const std::string& name) {
  for (const json& data : chart.spec["data"]) {
    if (data["name"] == name) return data["values"];
  }
  throw std::out_of_range(name);
}

TEST(LineChart, CountsLinesBandsAndPoints) {
  const std::vector<Series> series = {{"a", {1, 2, 3}, {4, 5, 6}},
                                      {"b", {1, 2}, {1, 2}, {0, 1}, {2, 3}},
                                      {"long", std::vector<double>(100, 1), std::vector<double>(100, 2)}};
  const Chart chart = line_chart({.title = "loss"}, series);
  expect_valid(chart);
  EXPECT_EQ(chart.title, "loss");
  EXPECT_EQ(chart.num_marks, 3 + 1 + 3 + 2);
}

TEST(LineChart, DropsPointsThatCannotBeDrawn) {
  const Chart chart = line_chart({}, {{"a", {1, NAN, 3, 4}, {1, 2, INFINITY, 4}}, {"empty", {1}, {NAN}}});
  expect_valid(chart);
  EXPECT_EQ(rows(chart, "points"),
            json::parse(R"([{"series":0,"x":1.0,"y":1.0},{"series":0,"x":4.0,"y":4.0}])"));
  EXPECT_EQ(chart.num_marks, 3);
  EXPECT_EQ(line_chart({.log_x = true, .log_y = true}, {{"a", {0, 1, 2, 3}, {1, -1, 0, 5}}}).num_marks, 2);
  EXPECT_EQ(line_chart({}, {}).num_marks, 0);
}

TEST(LineChart, RejectsSeriesOfUnequalLengths) {
  EXPECT_THROW(line_chart({}, {{"a", {1, 2}, {1}}}), std::logic_error);
  EXPECT_THROW(line_chart({}, {{"a", {1, 2}, {1, 2}, {1}, {1, 2}}}), std::logic_error);
  EXPECT_THROW(scatter_chart({}, {{"a", {1, 2}, {1}}}), std::logic_error);
}

TEST(LineChart, GivesAConstantRoom) {
  const json domain = line_chart({}, {{"a", {1, 2}, {3, 3}}}).spec["scales"][1]["domain"];
  EXPECT_LT(domain[0], 3.0);
  EXPECT_GT(domain[1], 3.0);
}

TEST(ScatterChart, DrawsOneMarkAPoint) {
  const Chart chart = scatter_chart({}, {{"a", {1, 2, NAN}, {1, 2, 3}}, {"b", {5}, {6}}});
  expect_valid(chart);
  EXPECT_EQ(chart.num_marks, 3);
  EXPECT_EQ(chart.spec["legends"].size(), 1u);
}

TEST(ScatterChart, DrawsAWhiskerWhereItIsGiven) {
  const Chart chart =
      scatter_chart({}, {{"a", {1, 2, 3}, {1, 2, NAN}, {0, NAN, 1}, {4, 3, 5}}, {"b", {5}, {6}}});
  expect_valid(chart);
  EXPECT_EQ(rows(chart, "whiskers"), json::parse(R"([{"series":0,"x":1.0,"low":0.0,"high":4.0}])"));
  EXPECT_EQ(chart.num_marks, 3 + 1);
  EXPECT_EQ(chart.spec["scales"][1]["domain"], json::parse("[0.0, 6.0]"));
  EXPECT_EQ(scatter_chart({.log_y = true}, {{"a", {1}, {1}, {0}, {2}}}).num_marks, 1);
  EXPECT_THROW(scatter_chart({}, {{"a", {1, 2}, {1, 2}, {1}, {1, 2}}}), std::logic_error);
}

TEST(IntervalChart, DrawsAPointAndAWhiskerAValue) {
  const Chart chart =
      interval_chart({}, {"a", "a", "b", "c"}, {1, 2, NAN, 3}, {0, NAN, 0, 2.5}, {1.5, 3, 1, 4});
  expect_valid(chart);
  EXPECT_EQ(rows(chart, "points").size(), 3u);
  EXPECT_EQ(rows(chart, "whiskers"),
            json::parse(R"([{"label":0,"low":0.0,"high":1.5},{"label":3,"low":2.5,"high":4.0}])"));
  EXPECT_EQ(chart.num_marks, 5);
  EXPECT_EQ(chart.spec["scales"][0]["domain"], json::parse("[0.0, 4.0]"));
  EXPECT_EQ(interval_chart({.log_x = true}, {"a"}, {1}, {0}, {2}).num_marks, 1);
  EXPECT_EQ(interval_chart({}, {}, {}, {}, {}).num_marks, 0);
  EXPECT_THROW(interval_chart({}, {"a"}, {1}, {1}, {}), std::logic_error);
}

TEST(BarChart, DrawsOneBarAValue) {
  const Chart chart = bar_chart({}, {"a", "a", "b"}, {1, -2, NAN});
  expect_valid(chart);
  EXPECT_EQ(chart.num_marks, 2);
  EXPECT_EQ(chart.spec["scales"][0]["domain"], json::parse("[-2.0, 1.0]"));
  EXPECT_EQ(bar_chart({.log_x = true}, {"a", "b"}, {0, 10}).num_marks, 1);
  EXPECT_THROW(bar_chart({}, {"a"}, {}), std::logic_error);
}

TEST(HistogramChart, CountsEveryValueOnce) {
  std::vector<double> values = {NAN, INFINITY};
  for (int i = 0; i < 100; ++i) values.push_back(i % 10);
  const Chart chart = histogram_chart({}, values, 10);
  expect_valid(chart);
  EXPECT_EQ(chart.num_marks, 10);
  for (const json& bin : rows(chart, "bins")) EXPECT_EQ(bin["count"], 10);
  EXPECT_EQ(histogram_chart({}, {0, 0, 10}, 5).num_marks, 2);
  EXPECT_EQ(histogram_chart({}, {7}).num_marks, 1);
  EXPECT_EQ(histogram_chart({}, {}).num_marks, 0);
  EXPECT_THROW(histogram_chart({}, {1}, 0), std::logic_error);
}

TEST(HistogramChart, HasEqualRatiosOnALogarithmicAxis) {
  const Chart chart = histogram_chart({.log_x = true}, {1, 10, 100, 1000, 0, -5}, 3);
  expect_valid(chart);
  ASSERT_EQ(chart.num_marks, 3);
  const json& bins = rows(chart, "bins");
  EXPECT_NEAR(bins[1]["from"], 10, 1e-9);
  EXPECT_NEAR(bins[1]["to"], 100, 1e-9);
}

TEST(HeatMap, DrawsOneCellAValue) {
  const Chart chart = heat_map({}, {"a", "b"}, {"c", "d", "e"}, {{1, 2, 3}, {NAN, 5, 6}});
  expect_valid(chart);
  EXPECT_EQ(chart.num_marks, 5);
  EXPECT_EQ(chart.spec["marks"].size(), 2u);
  EXPECT_EQ(heat_map({.log_color = true}, {"a"}, {"b"}, {{1}}).spec["scales"][2]["type"], "symlog");
  EXPECT_THROW(heat_map({}, {"a"}, {"b"}, {}), std::logic_error);
  EXPECT_THROW(heat_map({}, {"a"}, {"b"}, {{1, 2}}), std::logic_error);
}

TEST(HeatMap, HasALegendWhereNumbersDoNotFit) {
  const Chart chart = heat_map({}, {"a"}, std::vector<std::string>(17, "c"), {std::vector<double>(17, 1)});
  expect_valid(chart);
  EXPECT_EQ(chart.spec["marks"].size(), 1u);
  EXPECT_EQ(chart.spec["legends"].size(), 1u);
}

TEST(ImageGrid, HoldsThePicturesThemselves) {
  const Chart chart = image_grid({}, {{"any bytes", "one"}, {"", "two\nlines"}}, 4);
  expect_valid(chart);
  EXPECT_EQ(chart.num_marks, 2);
  EXPECT_EQ(rows(chart, "pictures")[0]["url"], "data:image/png;base64,YW55IGJ5dGVz");
  EXPECT_THROW(image_grid({}, {}, 0), std::logic_error);
}

TEST(Base64, MatchesTheTestVectorsOfTheRfc) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) EXPECT_EQ(base64(bytes), text);
  EXPECT_EQ(base64("\xff\xfb\xfe"), "//v+");
}

TEST(Sparkline, ScalesToTheRangeOfItsValues) {
  EXPECT_EQ(sparkline({0, 1, 2, 3, 4, 5, 6, 7}), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({3, 3}), "▅▅");
  EXPECT_EQ(sparkline({0, NAN, 1}), "▁ █");
  EXPECT_EQ(sparkline({0, 0, 10, 10}, 2), "▁█");
  EXPECT_EQ(sparkline({}), "");
  EXPECT_EQ(sparkline({INFINITY}), " ");
  EXPECT_THROW(sparkline({1}, 0), std::logic_error);
}

}  // namespace
}  // namespace lathe::core
