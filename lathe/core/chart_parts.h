#pragma once
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/core/chart.h"

// What the charts' Vega specifications are put together from.
namespace lathe::core::chart {

// The smallest and the largest of the values added.
struct Extent {
  double min = INFINITY, max = -INFINITY;
  bool empty() const { return min > max; }
  void add(double value);
};

bool drawable(double value, bool log);  // finite, and positive on a logarithmic axis

nlohmann::json empty_specification(const ChartOptions& options);

nlohmann::json number_scale(const char* name, const char* range, Extent extent, bool log);
nlohmann::json band_scale(const char* name, const char* range, size_t size,
                          double padding);  // of indices 0 … size - 1

nlohmann::json number_axis(const char* orient, const char* scale, const std::string& title, bool log);
// Labels are looked up by index in the signal of that name, so that two equal ones stay apart.
nlohmann::json category_axis(const char* orient, const char* scale, const std::string& title,
                             const char* labels_signal);

nlohmann::json position(const char* scale, const char* field);
// The mark whose items are counted, one for each row of `data`.
nlohmann::json data_mark(const char* type, const std::string& data, nlohmann::json encoding);
// In a group of its own: a second data mark beside another one, as names are unique within a group.
nlohmann::json in_own_group(nlohmann::json mark);
nlohmann::json text_mark(const char* name, const std::string& data, nlohmann::json encoding);

// Vega expression for a number in few characters: 54,321 | 12.3 | 0.00123.
std::string number_text(const std::string& field);

}  // namespace lathe::core::chart
