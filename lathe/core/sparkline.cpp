#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "lathe/core/chart.h"

namespace lathe::core {

std::string sparkline(const std::vector<double>& values, int width) {
  if (width < 1) throw std::logic_error("sparkline: width must be positive");
  const size_t n = values.size();
  const size_t cells = std::min(n, static_cast<size_t>(width));

  std::vector<double> means;  // of each cell's finite values, NaN where it has none
  for (size_t cell = 0; cell < cells; ++cell) {
    double sum = 0;
    int count = 0;
    for (size_t i = cell * n / cells; i < (cell + 1) * n / cells; ++i) {
      if (!std::isfinite(values[i])) continue;
      sum += values[i];
      ++count;
    }
    means.push_back(sum / count);
  }

  double min = INFINITY, max = -INFINITY;
  for (double mean : means) {
    min = std::fmin(min, mean);
    max = std::fmax(max, mean);
  }
  constexpr const char* kBlocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string line;
  for (double mean : means) {
    if (!std::isfinite(mean)) {
      line += ' ';
    } else {
      const double share = max > min ? (mean - min) / (max - min) : 0.5;
      line += kBlocks[std::min(7, static_cast<int>(share * 8))];
    }
  }
  return line;
}

}  // namespace lathe::core
