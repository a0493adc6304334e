#include "lathe/math/intraclass.h"

#include <algorithm>

#include "lathe/core/error.h"
#include "lathe/math/checks.h"

namespace lathe::math {

Intraclass intraclass(const std::vector<int32_t>& groups, const std::vector<double>& values) {
  if (groups.size() != values.size())
    throw InputError("intraclass: {} groups for {} values", groups.size(), values.size());
  check_finite("intraclass", values);
  int32_t last = -1;
  for (const int32_t group : groups) {
    if (group < 0) throw InputError("intraclass: groups must not be negative, got {}", group);
    last = std::max(last, group);
  }
  std::vector<double> sums(static_cast<size_t>(last) + 1, 0.0), counts(sums.size(), 0.0);
  double mean = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sums[static_cast<size_t>(groups[i])] += values[i];
    counts[static_cast<size_t>(groups[i])] += 1;
    mean += values[i] / static_cast<double>(values.size());
  }

  Intraclass result{.num_values = static_cast<int64_t>(values.size())};
  double between = 0, within = 0, squared_counts = 0;
  for (size_t g = 0; g < sums.size(); ++g) {
    if (counts[g] == 0) continue;
    ++result.num_groups;
    squared_counts += counts[g] * counts[g];
    const double deviation = sums[g] / counts[g] - mean;
    between += counts[g] * deviation * deviation;
  }
  if (result.num_groups < 2)
    throw InputError("intraclass: needs at least two groups, got {}", result.num_groups);
  if (result.num_values == result.num_groups)
    throw InputError("intraclass: needs a group of at least two values, got {} groups of one",
                     result.num_groups);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto group = static_cast<size_t>(groups[i]);
    const double deviation = values[i] - sums[group] / counts[group];
    within += deviation * deviation;
  }
  const auto n = static_cast<double>(result.num_values), k = static_cast<double>(result.num_groups);
  result.mean_square_between = between / (k - 1);
  result.mean_square_within = within / (n - k);
  result.group_size = (n - squared_counts / n) / (k - 1);
  result.correlation = (result.mean_square_between - result.mean_square_within) /
                       (result.mean_square_between + (result.group_size - 1) * result.mean_square_within);
  return result;
}

}  // namespace lathe::math
