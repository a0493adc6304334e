#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lathe::core {

// A picture as a Vega 5 specification, drawn by the page that shows it (report, dashboard).
//
// The page writes `title` above the picture, lowers the specification's `width` where it has less room, and
// chooses colours: specifications name Vega's ranges ("category", "ramp"), not colours. Data marks are in
// groups named "data"; `num_marks` says how many a correct drawing has, so that a test can count them.
struct Chart {
  std::string title;
  nlohmann::json spec;
  int64_t num_marks = 0;
};

struct ChartOptions {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;
  bool log_color = false;            // of heat maps: small counts are seen beside large ones
  double width = 485, height = 280;  // labels included; two of this width fill a row of the report
};

struct Series {
  std::string name;
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  // both empty, or as long as x: a band around y
};

struct Picture {
  std::string png;      // the file's bytes
  std::string caption;  // lines parted by \n
};

// Non-finite points, and those that are not positive on a logarithmic axis, are left out.
// All throw std::logic_error when lengths differ.

// A line and a band (where given) for each series that has points; its points too, where they are few.
// num_marks counts all three.
Chart line_chart(const ChartOptions&, const std::vector<Series>&);
// One mark a point, and one for each whisker from low to high (where given).
Chart scatter_chart(const ChartOptions&, const std::vector<Series>&);
// One horizontal bar a label, the first on top; values along x.
Chart bar_chart(const ChartOptions&, const std::vector<std::string>& labels,
                const std::vector<double>& values);
// One point a label with a whisker from low to high, the first on top; values along x.
Chart interval_chart(const ChartOptions&, const std::vector<std::string>& labels,
                     const std::vector<double>& values, const std::vector<double>& low,
                     const std::vector<double>& high);
// One bar a bin that is not empty. Bins have equal widths (equal ratios with log_x).
Chart histogram_chart(const ChartOptions&, const std::vector<double>& values, int num_bins = 30);
// One cell a value, the first row on top; written into the cells of at most 16 columns.
Chart heat_map(const ChartOptions&, const std::vector<std::string>& row_labels,
               const std::vector<std::string>& column_labels, const std::vector<std::vector<double>>& values);
// At most `columns` beside each other, fewer on a narrow page; the height follows.
Chart image_grid(const ChartOptions&, const std::vector<Picture>& pictures, int columns = 8);

// ▁▂▃▅▇ for a terminal: values scaled to their range, averaged into at most `width` cells, blank where not
// finite.
std::string sparkline(const std::vector<double>& values, int width = 40);

}  // namespace lathe::core
