#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "lathe/core/chart_parts.h"

namespace lathe::core {

using namespace chart;
using nlohmann::json;

Chart bar_chart(const ChartOptions& options, const std::vector<std::string>& labels,
                const std::vector<double>& values) {
  if (labels.size() != values.size()) throw std::logic_error("bar_chart: labels and values differ in length");
  json bars = json::array();
  Extent extent;
  if (!options.log_x) extent.add(0);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!drawable(values[i], options.log_x)) continue;
    bars.push_back({{"label", i}, {"value", values[i]}});
    extent.add(values[i]);
  }
  if (options.log_x && !extent.empty()) extent.min /= 2;  // or the shortest bar would have no length
  const auto num_marks = static_cast<int64_t>(bars.size());
  json spec = empty_specification(options);
  spec["padding"] = {
      {"left", 5}, {"top", 5}, {"bottom", 5}, {"right", 44}};  // room for the numbers beside the bars
  spec["signals"] = {{{"name", "labels"}, {"value", labels}}};
  spec["data"] = {{{"name", "bars"}, {"values", std::move(bars)}}};
  spec["scales"] = {number_scale("x", "width", extent, options.log_x),
                    band_scale("y", "height", labels.size(), 0.25)};
  spec["axes"] = {number_axis("bottom", "x", options.x_label, options.log_x),
                  category_axis("left", "y", options.y_label, "labels")};
  const json start = options.log_x ? json{{"signal", "range('x')[0]"}} : json{{"scale", "x"}, {"value", 0}};
  const json middle = {{"scale", "y"}, {"field", "label"}, {"band", 0.5}};
  spec["marks"] = {
      data_mark("rect", "bars",
                {{"x", start},
                 {"x2", position("x", "value")},
                 {"yc", middle},
                 {"height", {{"signal", "min(28, bandwidth('y'))"}}},
                 {"cornerRadius", {{"value", 2}}}}),
      text_mark("numbers", "bars",
                {{"x", {{"scale", "x"}, {"signal", options.log_x ? "datum.value" : "max(0, datum.value)"}}},
                 {"dx", {{"value", 5}}},
                 {"y", middle},
                 {"baseline", {{"value", "middle"}}},
                 {"text", {{"signal", number_text("datum.value")}}},
                 {"opacity", {{"signal", "bandwidth('y') < 9 ? 0 : 1"}}}})};
  return {options.title, std::move(spec), num_marks};
}

Chart interval_chart(const ChartOptions& options, const std::vector<std::string>& labels,
                     const std::vector<double>& values, const std::vector<double>& low,
                     const std::vector<double>& high) {
  if (labels.size() != values.size() || low.size() != values.size() || high.size() != values.size())
    throw std::logic_error("interval_chart: labels, values, low and high differ in length");
  json points = json::array(), whiskers = json::array();
  Extent extent;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!drawable(values[i], options.log_x)) continue;
    points.push_back({{"label", i}, {"value", values[i]}});
    extent.add(values[i]);
    if (!drawable(low[i], options.log_x) || !drawable(high[i], options.log_x)) continue;
    whiskers.push_back({{"label", i}, {"low", low[i]}, {"high", high[i]}});
    extent.add(low[i]);
    extent.add(high[i]);
  }
  const auto num_marks = static_cast<int64_t>(points.size() + whiskers.size());
  json spec = empty_specification(options);
  spec["signals"] = {{{"name", "labels"}, {"value", labels}}};
  spec["scales"] = {number_scale("x", "width", extent, options.log_x),
                    band_scale("y", "height", labels.size(), 0.25)};
  spec["axes"] = {number_axis("bottom", "x", options.x_label, options.log_x),
                  category_axis("left", "y", options.y_label, "labels")};
  spec["axes"][1]["labelLimit"] = 0.4 * options.width;
  const json middle = {{"scale", "y"}, {"field", "label"}, {"band", 0.5}};
  const json tooltip = {{"signal", number_text("datum.value")}};
  spec["marks"] = {in_own_group(data_mark("rule", "whiskers",
                                          {{"x", position("x", "low")},
                                           {"x2", position("x", "high")},
                                           {"y", middle},
                                           {"stroke", {{"scale", "color"}, {"value", 0}}},
                                           {"strokeWidth", {{"value", 2}}}})),
                   data_mark("symbol", "points",
                             {{"x", position("x", "value")},
                              {"y", middle},
                              {"size", {{"value", 55}}},
                              {"fill", {{"scale", "color"}, {"value", 0}}},
                              {"tooltip", tooltip}})};
  spec["scales"].push_back({{"name", "color"}, {"type", "ordinal"}, {"domain", {0}}, {"range", "category"}});
  spec["data"] = {{{"name", "whiskers"}, {"values", std::move(whiskers)}},
                  {{"name", "points"}, {"values", std::move(points)}}};
  return {options.title, std::move(spec), num_marks};
}

Chart histogram_chart(const ChartOptions& options, const std::vector<double>& values, int num_bins) {
  if (num_bins < 1) throw std::logic_error("histogram_chart: num_bins must be positive");
  const auto forward = [&](double value) { return options.log_x ? std::log(value) : value; };
  const auto backward = [&](double value) { return options.log_x ? std::exp(value) : value; };
  std::vector<double> kept;
  Extent extent;
  for (double value : values) {
    if (!drawable(value, options.log_x)) continue;
    kept.push_back(forward(value));
    extent.add(kept.back());
  }
  if (extent.min == extent.max) extent = {extent.min - 0.5, extent.max + 0.5};

  std::vector<int64_t> counts(num_bins, 0);
  const double bin_width = (extent.max - extent.min) / num_bins;
  for (double value : kept) {
    ++counts[std::min(num_bins - 1, static_cast<int>((value - extent.min) / bin_width))];
  }
  json bins = json::array();
  Extent count_extent;
  count_extent.add(options.log_y ? 0.5 : 0);
  for (int i = 0; i < num_bins; ++i) {
    if (counts[i] == 0) continue;
    bins.push_back({{"from", backward(extent.min + i * bin_width)},
                    {"to", backward(extent.min + (i + 1) * bin_width)},
                    {"count", counts[i]}});
    count_extent.add(static_cast<double>(counts[i]));
  }
  const auto num_marks = static_cast<int64_t>(bins.size());

  json spec = empty_specification(options);
  Extent x_extent;
  if (!kept.empty()) x_extent = {backward(extent.min), backward(extent.max)};
  spec["data"] = {{{"name", "bins"}, {"values", std::move(bins)}}};
  spec["scales"] = {number_scale("x", "width", x_extent, options.log_x),
                    number_scale("y", "height", count_extent, options.log_y)};
  spec["axes"] = {number_axis("bottom", "x", options.x_label, options.log_x),
                  number_axis("left", "y", options.y_label, options.log_y)};
  spec["axes"][0]["grid"] = false;
  spec["axes"][1]["tickMinStep"] = 1;
  spec["marks"] = json::array({data_mark("rect", "bins",
                                         {{"x", {{"scale", "x"}, {"field", "from"}, {"offset", 0.5}}},
                                          {"x2", {{"scale", "x"}, {"field", "to"}, {"offset", -0.5}}},
                                          {"y", position("y", "count")},
                                          {"y2", {{"signal", "range('y')[0]"}}},
                                          {"tooltip", {{"signal", "format(datum.count, ',')"}}}})});
  return {options.title, std::move(spec), num_marks};
}

}  // namespace lathe::core
