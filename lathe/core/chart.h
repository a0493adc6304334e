#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lathe::core {

// A picture as a Vega 5 specification, drawn by the page that shows it (report, dashboard).
// `num_marks` says how many data marks a correct drawing has, so that a test can count them.
struct Chart {
  std::string title;
  nlohmann::json spec;
  int64_t num_marks = 0;
};

struct ChartOptions {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;
  double width = 420, height = 260;
};

struct Series {
  std::string name;
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  // both empty, or as long as x: a band around y
};

struct Picture {
  std::string png;      // the file's bytes
  std::string caption;
};

// Non-finite points are left out. All throw std::logic_error when lengths differ.
Chart line_chart(const ChartOptions&, const std::vector<Series>&);      // with bands where given
Chart scatter_chart(const ChartOptions&, const std::vector<Series>&);
Chart bar_chart(const ChartOptions&, const std::vector<std::string>& labels, const std::vector<double>& values);
Chart histogram_chart(const ChartOptions&, const std::vector<double>& values, int num_bins = 30);
Chart heat_map(const ChartOptions&, const std::vector<std::string>& row_labels,
               const std::vector<std::string>& column_labels, const std::vector<std::vector<double>>& values);
Chart image_grid(const ChartOptions&, const std::vector<Picture>& pictures, int columns = 8);

// ▁▂▃▅▇ for a terminal: values scaled to their range, resampled to at most `width` cells.
std::string sparkline(const std::vector<double>& values, int width = 40);

}  // namespace lathe::core
