#include "lathe/pipeline/report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/core/files.h"
#include "lathe/core/seed.h"
#include "tests/pipeline/synthetic_bundle.h"

namespace lathe::pipeline {
namespace {

std::vector<core::Series> noisy_series(size_t num_series, size_t size) {
  core::Random random = core::Seed(3).random();
  std::vector<core::Series> all;
  for (size_t s = 0; s < num_series; ++s) {
    core::Series series{.name = "a method with a long name " + std::to_string(s)};
    for (size_t i = 0; i < size; ++i) {
      const double x = 1 + i, y = (s + 1) * std::exp(-0.02 * x) + 0.2 * random.uniform();
      series.x.push_back(x);
      series.y.push_back(y);
      series.low.push_back(0.8 * y);
      series.high.push_back(1.2 * y);
    }
    all.push_back(series);
  }
  return all;
}

std::vector<std::vector<double>> wave(size_t rows, size_t columns) {
  std::vector<std::vector<double>> values(rows, std::vector<double>(columns));
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) values[i][j] = std::sin(0.3 * i) * std::cos(0.2 * j);
  }
  return values;
}

// Every kind of chart, as a page would have it and in the shapes that break drawings.
Page page_of_all_charts() {
  core::Random random = core::Seed(5).random();
  std::vector<double> normal;
  for (int i = 0; i < 2000; ++i) normal.push_back(random.normal());
  std::vector<double> positive;
  for (double value : normal) positive.push_back(std::exp(2 * value));
  const std::vector<core::Series> lines = noisy_series(3, 120);
  std::vector<core::Picture> pictures;
  for (uint64_t i = 0; i < 5; ++i) pictures.push_back({synthetic_png(i), "picture " + std::to_string(i)});

  Page page{.title = "Every chart & <its> \"edges\"", .subtitle = "What a page may be asked to draw"};
  page.headline = {{"test accuracy", "93.31 %"},
                   {"parameters", "421,642"},
                   {"training time", "3 min 4 s"},
                   {"<b>", "&amp;"}};
  page.sections = {
      {.title = "Lines",
       .text = "The first paragraph.\n\nThe second, with <b>tags</b> & signs.",
       .charts = {core::line_chart({.title = "With bands", .x_label = "step", .y_label = "loss"}, lines),
                  core::line_chart({.title = "Both axes logarithmic",
                                    .x_label = "step",
                                    .y_label = "loss",
                                    .log_x = true,
                                    .log_y = true},
                                   lines),
                  core::line_chart({.title = "One point", .x_label = "epoch"}, {{"only", {1}, {0.9}}}),
                  core::line_chart({.title = "Constant, with a hole"},
                                   {{"flat", {1, 2, 3, 4}, {2, 2, NAN, 2}}})}},
      {.title = "Points",
       .charts = {core::scatter_chart({.title = "Scatter", .x_label = "x", .y_label = "y"},
                                      noisy_series(2, 60)),
                  core::scatter_chart(
                      {.title = "Large numbers", .x_label = "parameters", .log_x = true},
                      {{"models", {1e3, 1e5, 3e6, 1e9}, {12345678, 23456789, 3456789, 98765432}}}),
                  core::scatter_chart({.title = "With whiskers", .x_label = "rank", .y_label = "accuracy"},
                                      {{"a", {1, 2, 3}, {0.4, 0.5, 0.7}, {0.3, 0.45, 0.5}, {0.5, 0.6, 0.75}},
                                       {"b", {4, 5}, {0.8, 0.9}, {0.7, 0.85}, {0.85, 0.99}}}),
                  core::interval_chart({.title = "Intervals", .x_label = "accuracy"}, {"g0", "g1", "g2"},
                                       {0.7, 0.5, 0.6}, {0.65, 0.4, 0.3}, {0.75, 0.6, 0.8})}},
      {.title = "Bars",
       .charts = {core::bar_chart({.title = "Signs", .x_label = "change"},
                                  {"down", "none", "up", "a rather long label that has to be cut somewhere"},
                                  {-3, 0, 4.5, 1}),
                  core::bar_chart({.title = "Logarithmic", .x_label = "seconds", .log_x = true},
                                  {"a", "b", "c"}, {0.001, 1, 5400}),
                  core::bar_chart({.title = "Equal labels", .height = 120}, {"same", "same"}, {1, 2})}},
      {.title = "Histograms",
       .charts = {core::histogram_chart({.title = "Normal", .x_label = "z", .y_label = "examples"}, normal),
                  core::histogram_chart({.title = "Log-normal", .x_label = "seconds", .log_x = true},
                                        positive),
                  core::histogram_chart({.title = "All equal"}, {4, 4, 4})}},
      {.title = "Grids",
       .charts = {core::heat_map({.title = "Small", .x_label = "column", .y_label = "row"}, {"0", "1", "2"},
                                 {"0", "1", "2"}, {{1, 2000, 3}, {0.25, NAN, 1e-3}, {-7, 8, 9.5}}),
                  core::heat_map({.title = "Many cells", .width = 480, .height = 360},
                                 std::vector<std::string>(50, "row"), std::vector<std::string>(60, "column"),
                                 wave(50, 60)),
                  core::image_grid({.title = "Pictures"}, pictures, 4)}},
      {.title = "Nothing",
       .charts = {core::line_chart({.title = "No finite point"}, {{"lost", {1, 2}, {NAN, INFINITY}}})}},
  };
  core::Table wide({"name", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"});
  wide.add({"a long name of a row", 1.5, 2.5, 3.25, 4, 5, 6, 7000000, 8, 9, 10.123, 11});
  page.sections[0].tables = {wide};
  page.sections[5].code = "key = \"</code><script>alert(1)</script>\"\n";
  return page;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

TEST(Report, EscapesEverythingThatAPersonNamed) {
  Page page{.title = "</title><script>alert(1)</script>", .subtitle = kHostileClass};
  page.headline = {{kHostileClass, kHostileClass}};
  page.sections = {{.title = kHostileClass,
                    .text = kHostileClass,
                    .charts = {core::bar_chart({.title = kHostileClass}, {kHostileClass}, {1})},
                    .code = kHostileClass}};
  page.sections[0].tables.push_back(core::Table({kHostileClass}).add({kHostileClass}));
  const std::string html = render_html(page);
  EXPECT_EQ(count(html, "alert("), count(html, "&lt;script&gt;alert(") + count(html, "\\u003cscript>alert("));
  EXPECT_EQ(count(html, "<script"), 3u);
  EXPECT_EQ(count(html, "</script"), 3u);
}

TEST(Report, IsOneFileThatNamesNoOther) {
  const std::string html = render_html(page_of_all_charts());
  for (const char* part :
       {"<script src", "<link rel=\"stylesheet", "url(http", "@import", "sourceMappingURL"}) {
    EXPECT_EQ(count(html, part), 0u) << part;
  }
  EXPECT_EQ(count(html, "<figure class=\"chart\" data-marks="), 17u);
  EXPECT_EQ(count(html, "No finite values to draw."), 1u);
}

TEST(Report, SurvivesBytesThatAreNotUtf8) {
  Page page{.title = "x"};
  page.sections = {{.title = "y", .charts = {core::bar_chart({}, {"caf\xe9"}, {1})}}};
  EXPECT_NE(render_html(page).find("caf\xef\xbf\xbd"), std::string::npos);
}

TEST(Report, ListsContentsOnlyOfLongPages) {
  Page page{.title = "x", .sections = std::vector<Section>(4, {.title = "s"})};
  EXPECT_EQ(count(render_html(page), "<nav"), 0u);
  page.sections.push_back({.title = "fifth"});
  EXPECT_EQ(count(render_html(page), "<nav"), 1u);
}

TEST(Report, CarriesVegaOnlyForCharts) {
  EXPECT_LT(render_html({.title = "x"}).size(), 20000u);
}

TEST(Report, WritesPageForBrowser) {
  const core::TemporaryDirectory fallback;
  const std::filesystem::path directory = browser_directory().empty() ? fallback.path() : browser_directory();
  core::write_file(directory / "charts.html", render_html(page_of_all_charts()));
}

}  // namespace
}  // namespace lathe::pipeline
