#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "lathe/core/base64.h"
#include "lathe/core/chart_parts.h"

namespace lathe::core {

using namespace chart;
using nlohmann::json;

namespace {

constexpr size_t kMaxTextColumns = 16;  // columns of a heat map whose cells are wide enough for a number
constexpr double kMinCellShare = 0.7;   // of the width that a picture has on a wide page

// The width that a PNG file states in its header chunk; 0 where there is none.
uint32_t png_width(const std::string& png) {
  if (png.size() < 24) return 0;
  uint32_t width = 0;
  for (int i = 16; i < 20; ++i) width = width << 8 | static_cast<unsigned char>(png[i]);
  return width;
}

}  // namespace

Chart heat_map(const ChartOptions& options, const std::vector<std::string>& row_labels,
               const std::vector<std::string>& column_labels,
               const std::vector<std::vector<double>>& values) {
  if (values.size() != row_labels.size())
    throw std::logic_error("heat_map: rows and row_labels differ in length");
  json cells = json::array();
  Extent extent;
  for (size_t row = 0; row < values.size(); ++row) {
    if (values[row].size() != column_labels.size()) {
      throw std::logic_error("heat_map: row " + std::to_string(row) + " and column_labels differ in length");
    }
    for (size_t column = 0; column < values[row].size(); ++column) {
      const double value = values[row][column];
      if (!std::isfinite(value)) continue;
      cells.push_back({{"row", row}, {"column", column}, {"value", value}});
      extent.add(value);
    }
  }
  const auto num_marks = static_cast<int64_t>(cells.size());
  const bool numbers = column_labels.size() <= kMaxTextColumns;
  const bool short_labels = std::all_of(column_labels.begin(), column_labels.end(),
                                        [](const std::string& label) { return label.size() <= 3; });

  json spec = empty_specification(options);
  spec["signals"] = {{{"name", "rows"}, {"value", row_labels}},
                     {{"name", "columns"}, {"value", column_labels}}};
  spec["data"] = {{{"name", "cells"}, {"values", std::move(cells)}}};
  json color = number_scale("color", "ramp", extent, false);
  color["nice"] = false;
  if (options.log_color) color["type"] = "symlog";
  spec["scales"] = {band_scale("x", "width", column_labels.size(), 0.02),
                    band_scale("y", "height", row_labels.size(), 0.02), color};
  spec["axes"] = {category_axis("bottom", "x", options.x_label, "columns"),
                  category_axis("left", "y", options.y_label, "rows")};
  if (!numbers) {
    spec["axes"][0]["labelAngle"] = -90;
    spec["axes"][0]["labelAlign"] = "right";
    spec["axes"][0]["labelBaseline"] = "middle";
  } else if (!short_labels) {
    spec["axes"][0]["labelAngle"] = -45;
    spec["axes"][0]["labelAlign"] = "right";
    spec["axes"][0]["labelBaseline"] = "top";
    spec["axes"][0]["labelOverlap"] = false;  // boxes around slanted labels overlap though the labels do not
  }
  spec["marks"] =
      json::array({data_mark("rect", "cells",
                             {{"x", position("x", "column")},
                              {"width", {{"scale", "x"}, {"band", 1}}},
                              {"y", position("y", "row")},
                              {"height", {{"scale", "y"}, {"band", 1}}},
                              {"fill", position("color", "value")},
                              {"tooltip",
                               {{"signal", "rows[datum.row] + ' / ' + columns[datum.column] + ': ' + (" +
                                               number_text("datum.value") + ")"}}}})});
  if (numbers) {
    spec["marks"].push_back(text_mark(
        "numbers", "cells",
        {{"x", {{"scale", "x"}, {"field", "column"}, {"band", 0.5}}},
         {"y", {{"scale", "y"}, {"field", "row"}, {"band", 0.5}}},
         {"align", {{"value", "center"}}},
         {"baseline", {{"value", "middle"}}},
         {"fontSize", {{"signal", "clamp(bandwidth('x') / 3, 7, 12)"}}},
         {"text", {{"signal", number_text("datum.value")}}},
         {"fill", {{"signal", "luminance(scale('color', datum.value)) > 0.18 ? '#1a1d21' : '#ffffff'"}}}}));
  } else {
    spec["legends"] = {{{"fill", "color"}, {"type", "gradient"}, {"orient", "right"}}};
  }
  return {options.title, std::move(spec), num_marks};
}

Chart image_grid(const ChartOptions& options, const std::vector<Picture>& pictures, int columns) {
  if (columns < 1) throw std::logic_error("image_grid: columns must be positive");
  const double cell = options.width / columns;
  json images = json::array();
  int64_t caption_lines = 0;
  for (const Picture& picture : pictures) {
    images.push_back({{"index", images.size()},
                      {"url", "data:image/png;base64," + base64(picture.png)},
                      {"smooth", png_width(picture.png) > cell},
                      {"caption", picture.caption}});
    if (!picture.caption.empty()) {
      const auto breaks = std::count(picture.caption.begin(), picture.caption.end(), '\n');
      caption_lines = std::max<int64_t>(caption_lines, 1 + breaks);
    }
  }
  const std::string caption_height = std::to_string(caption_lines * 14 + 10);
  const std::string left = "datum.index % columns * cell",
                    top = "floor(datum.index / columns) * (cell + captions)";
  json spec = empty_specification(options);
  spec.erase("height");
  spec["padding"] = 0;
  spec["autosize"] = "none";
  spec["signals"] = {
      {{"name", "columns"},
       {"update", "clamp(floor(width / " + std::to_string(kMinCellShare * cell) + "), 1, " +
                      std::to_string(columns) + ")"}},
      {{"name", "cell"}, {"update", "width / columns"}},
      {{"name", "captions"}, {"update", caption_height}},
      {{"name", "height"},
       {"update", "ceil(" + std::to_string(pictures.size()) + " / columns) * (cell + captions)"}}};
  spec["data"] = {{{"name", "pictures"}, {"values", std::move(images)}}};
  spec["marks"] = {data_mark("image", "pictures",
                             {{"url", {{"field", "url"}}},
                              {"smooth", {{"field", "smooth"}}},
                              {"x", {{"signal", left + " + 5"}}},
                              {"y", {{"signal", top + " + 5"}}},
                              {"width", {{"signal", "cell - 10"}}},
                              {"height", {{"signal", "cell - 10"}}},
                              {"tooltip", {{"field", "caption"}}}}),
                   text_mark("captions", "pictures",
                             {{"x", {{"signal", left + " + cell / 2"}}},
                              {"y", {{"signal", top + " + cell + 1"}}},
                              {"align", {{"value", "center"}}},
                              {"baseline", {{"value", "top"}}},
                              {"lineHeight", {{"value", 14}}},
                              {"limit", {{"signal", "cell - 6"}}},
                              {"text", {{"signal", "split(datum.caption, '\\n')"}}}})};
  return {options.title, std::move(spec), static_cast<int64_t>(pictures.size())};
}

}  // namespace lathe::core
