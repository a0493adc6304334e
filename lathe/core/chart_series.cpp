#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "lathe/core/chart_parts.h"

namespace lathe::core {

using namespace chart;
using nlohmann::json;

namespace {

constexpr size_t kMaxMarkers = 40;  // points of a line that are still drawn one by one

void add_series_colors(json& spec, const std::vector<Series>& series, const char* channel,
                       const char* symbol) {
  json names = json::array(), indices = json::array();
  size_t longest = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    indices.push_back(i);
    names.push_back(series[i].name);
    longest = std::max(longest, series[i].name.size());
  }
  spec["scales"].push_back(
      {{"name", "color"}, {"type", "ordinal"}, {"domain", indices}, {"range", "category"}});
  if (series.size() < 2) return;
  spec["signals"].push_back({{"name", "names"}, {"value", names}});
  // `width` becomes that of the plot once the labels are laid out; the legend is laid out before.
  spec["signals"].push_back({{"name", "whole_width"}, {"init", "width"}});
  const std::string column_width = std::to_string(40 + 7 * longest);
  spec["legends"].push_back(
      {{channel, "color"},
       {"orient", "top"},
       {"direction", "horizontal"},
       {"columns", {{"signal", "max(1, floor((whole_width - 60) / " + column_width + "))"}}},
       {"symbolType", symbol},
       {"symbolLimit", 0},
       {"encode", {{"labels", {{"update", {{"text", {{"signal", "names[datum.value]"}}}}}}}}}});
}

void check_lengths(const std::vector<Series>& all) {
  for (const Series& series : all) {
    const bool band = !series.low.empty() || !series.high.empty();
    if (series.x.size() != series.y.size() ||
        (band && (series.low.size() != series.x.size() || series.high.size() != series.x.size()))) {
      throw std::logic_error("chart: x, y, low and high of series '" + series.name + "' differ in length");
    }
  }
}

bool whole_numbers(const json& points) {
  return std::all_of(points.begin(), points.end(), [](const json& point) {
    const double x = point["x"];
    return x == std::floor(x);
  });
}

json series_color() {
  return {{"scale", "color"}, {"field", "series"}};
}

json point_tooltip() {
  return {{"signal", "(" + number_text("datum.x") + ") + ', ' + (" + number_text("datum.y") + ")"}};
}

// One mark of the given type a series, drawn from the rows of `data` with that series' index.
json one_mark_a_series(const char* type, const std::string& data, json encoding) {
  const std::string facet = "one_of_" + data;
  return {{"type", "group"},
          {"from", {{"facet", {{"name", facet}, {"data", data}, {"groupby", "series"}}}}},
          {"marks", json::array({data_mark(type, facet, std::move(encoding))})}};
}

json point_mark(const char* data, double size, double opacity) {
  return data_mark("symbol", data,
                   {{"x", position("x", "x")},
                    {"y", position("y", "y")},
                    {"size", {{"value", size}}},
                    {"fill", series_color()},
                    {"fillOpacity", {{"value", opacity}}},
                    {"tooltip", point_tooltip()}});
}

json point_row(size_t series, double x, double y) {
  return {{"series", series}, {"x", x}, {"y", y}};
}

}  // namespace

Chart line_chart(const ChartOptions& options, const std::vector<Series>& all) {
  check_lengths(all);
  json points = json::array(), bands = json::array(), markers = json::array();
  Extent x_extent, y_extent;
  int64_t num_marks = 0;
  for (size_t s = 0; s < all.size(); ++s) {
    const Series& series = all[s];
    json own_points = json::array(), own_band = json::array();
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (!drawable(series.x[i], options.log_x)) continue;
      if (drawable(series.y[i], options.log_y)) {
        own_points.push_back(point_row(s, series.x[i], series.y[i]));
        x_extent.add(series.x[i]);
        y_extent.add(series.y[i]);
      }
      if (!series.low.empty() && drawable(series.low[i], options.log_y) &&
          drawable(series.high[i], options.log_y)) {
        own_band.push_back(
            {{"series", s}, {"x", series.x[i]}, {"low", series.low[i]}, {"high", series.high[i]}});
        x_extent.add(series.x[i]);
        y_extent.add(series.low[i]);
        y_extent.add(series.high[i]);
      }
    }
    num_marks += !own_points.empty() + !own_band.empty();
    if (own_points.size() <= kMaxMarkers) {
      num_marks += static_cast<int64_t>(own_points.size());
      markers.insert(markers.end(), own_points.begin(), own_points.end());
    }
    points.insert(points.end(), own_points.begin(), own_points.end());
    bands.insert(bands.end(), own_band.begin(), own_band.end());
  }

  json spec = empty_specification(options);
  spec["scales"] = {number_scale("x", "width", x_extent, options.log_x),
                    number_scale("y", "height", y_extent, options.log_y)};
  spec["scales"][0]["nice"] = false;
  spec["axes"] = {number_axis("bottom", "x", options.x_label, options.log_x),
                  number_axis("left", "y", options.y_label, options.log_y)};
  spec["axes"][0]["grid"] = false;
  if (whole_numbers(points)) spec["axes"][0]["tickMinStep"] = 1;
  spec["marks"] = {one_mark_a_series("area", "bands",
                                     {{"x", position("x", "x")},
                                      {"y", position("y", "low")},
                                      {"y2", position("y", "high")},
                                      {"fill", series_color()},
                                      {"fillOpacity", {{"value", 0.2}}}}),
                   one_mark_a_series("line", "points",
                                     {{"x", position("x", "x")},
                                      {"y", position("y", "y")},
                                      {"stroke", series_color()},
                                      {"strokeWidth", {{"value", 2}}},
                                      {"strokeJoin", {{"value", "round"}}}}),
                   point_mark("markers", 28, 1)};
  spec["data"] = {{{"name", "bands"}, {"values", std::move(bands)}},
                  {{"name", "points"}, {"values", std::move(points)}},
                  {{"name", "markers"}, {"values", std::move(markers)}}};
  add_series_colors(spec, all, "stroke", "stroke");
  return {options.title, std::move(spec), num_marks};
}

Chart scatter_chart(const ChartOptions& options, const std::vector<Series>& all) {
  check_lengths(all);
  json points = json::array(), whiskers = json::array();
  Extent x_extent, y_extent;
  for (size_t s = 0; s < all.size(); ++s) {
    const Series& series = all[s];
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (!drawable(series.x[i], options.log_x) || !drawable(series.y[i], options.log_y)) continue;
      points.push_back(point_row(s, series.x[i], series.y[i]));
      x_extent.add(series.x[i]);
      y_extent.add(series.y[i]);
      if (series.low.empty() || !drawable(series.low[i], options.log_y) ||
          !drawable(series.high[i], options.log_y))
        continue;
      whiskers.push_back(
          {{"series", s}, {"x", series.x[i]}, {"low", series.low[i]}, {"high", series.high[i]}});
      y_extent.add(series.low[i]);
      y_extent.add(series.high[i]);
    }
  }
  const auto num_marks = static_cast<int64_t>(points.size() + whiskers.size());
  json spec = empty_specification(options);
  spec["scales"] = {number_scale("x", "width", x_extent, options.log_x),
                    number_scale("y", "height", y_extent, options.log_y)};
  spec["axes"] = {number_axis("bottom", "x", options.x_label, options.log_x),
                  number_axis("left", "y", options.y_label, options.log_y)};
  spec["marks"] = {
      in_own_group(data_mark("rule", "whiskers",
                             {{"x", position("x", "x")},
                              {"y", position("y", "low")},
                              {"y2", position("y", "high")},
                              {"stroke", series_color()},
                              {"strokeOpacity", {{"value", points.size() > 200 ? 0.25 : 0.6}}}})),
      point_mark("points", 36, points.size() > 200 ? 0.4 : 0.7)};
  spec["data"] = {{{"name", "whiskers"}, {"values", std::move(whiskers)}},
                  {{"name", "points"}, {"values", std::move(points)}}};
  add_series_colors(spec, all, "fill", "circle");
  return {options.title, std::move(spec), num_marks};
}

}  // namespace lathe::core
