#include "lathe/core/chart_parts.h"

#include <algorithm>

namespace lathe::core::chart {

using nlohmann::json;

namespace {

json axis(const char* orient, const char* scale, const std::string& title) {
  json axis = {{"orient", orient}, {"scale", scale}};
  if (!title.empty()) axis["title"] = title;
  return axis;
}

}  // namespace

std::string number_text(const std::string& field) {
  return "abs(" + field + ") >= 1000 ? format(" + field + ", ',.0f') : format(" + field + ", '.3~r')";
}

json empty_specification(const ChartOptions& options) {
  return {{"$schema", "https://vega.github.io/schema/vega/v5.json"},
          {"description", options.title},
          {"width", options.width},
          {"height", options.height},
          {"padding", 5},
          {"autosize", {{"type", "fit"}, {"contains", "padding"}}}};
}

void Extent::add(double value) {
  min = std::min(min, value);
  max = std::max(max, value);
}

bool drawable(double value, bool log) {
  return std::isfinite(value) && (!log || value > 0);
}

json number_scale(const char* name, const char* range, Extent extent, bool log) {
  if (extent.empty()) extent = {log ? 0.1 : 0.0, 1.0};
  if (extent.min == extent.max) {
    extent = log ? Extent{extent.min / 2, extent.max * 2} : Extent{extent.min - 0.5, extent.max + 0.5};
  }
  return {{"name", name},  {"type", log ? "log" : "linear"},    {"range", range}, {"nice", true},
          {"zero", false}, {"domain", {extent.min, extent.max}}};
}

json band_scale(const char* name, const char* range, size_t size, double padding) {
  json indices = json::array();
  for (size_t i = 0; i < size; ++i) indices.push_back(i);
  return {{"name", name}, {"type", "band"}, {"range", range}, {"domain", indices}, {"padding", padding}};
}

json number_axis(const char* orient, const char* scale, const std::string& title, bool log) {
  json result = axis(orient, scale, title);
  result["grid"] = true;
  result["tickCount"] = 5;
  result["labelOverlap"] = "greedy";
  result["labelSeparation"] = 6;
  if (log) result["format"] = ",~g";
  result["encode"] = {
      {"labels",
       {{"update",
         {{"text", {{"signal", "abs(datum.value) >= 1e5 ? format(datum.value, '~s') : datum.label"}}}}}}}};
  return result;
}

json category_axis(const char* orient, const char* scale, const std::string& title,
                   const char* labels_signal) {
  json result = axis(orient, scale, title);
  result["ticks"] = false;
  result["domain"] = false;
  result["labelPadding"] = 6;
  result["labelOverlap"] = "greedy";
  result["encode"] = {
      {"labels", {{"update", {{"text", {{"signal", std::string(labels_signal) + "[datum.value]"}}}}}}}};
  return result;
}

json position(const char* scale, const char* field) {
  return {{"scale", scale}, {"field", field}};
}

json data_mark(const char* type, const std::string& data, json encoding) {
  return {{"name", "data"},
          {"type", type},
          {"from", {{"data", data}}},
          {"encode", {{"update", std::move(encoding)}}}};
}

json in_own_group(json mark) {
  return {{"type", "group"}, {"marks", json::array({std::move(mark)})}};
}

json text_mark(const char* name, const std::string& data, json encoding) {
  json mark = data_mark("text", data, std::move(encoding));
  mark["name"] = name;
  mark["interactive"] = false;
  return mark;
}

}  // namespace lathe::core::chart
