#include "lathe/math/checks.h"

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::math {

void check_confidence(std::string_view where, double confidence) {
  if (!(confidence > 0 && confidence < 1))
    throw InputError("{}: confidence must lie between 0 and 1, got {}", where, confidence);
}

void check_probability(std::string_view where, double probability) {
  if (!(probability >= 0 && probability <= 1))
    throw InputError("{}: a probability lies in [0, 1], got {}", where, probability);
}

void check_finite(std::string_view where, const std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]))
      throw InputError("{}: value {} is {}, not a finite number", where, i, values[i]);
}

void check_pairs(std::string_view where, const std::vector<double>& x, const std::vector<double>& y,
                 size_t min_size) {
  if (x.size() != y.size())
    throw InputError("{}: both samples need the same size, got {} and {} values", where, x.size(), y.size());
  if (x.size() < min_size) throw InputError("{}: needs at least {} pairs, got {}", where, min_size, x.size());
  check_finite(where, x);
  check_finite(where, y);
}

}  // namespace lathe::math
