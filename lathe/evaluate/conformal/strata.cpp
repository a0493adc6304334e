#include "lathe/evaluate/conformal/strata.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lathe::evaluate::conformal {

std::string Stratum::name() const {
  return low == high ? std::to_string(low) : fmt::format("{}–{}", low, high);
}

std::vector<Stratum> size_strata(int64_t num_classes) {
  constexpr double kPaperClasses = 1000;
  std::vector<Stratum> strata;
  int64_t low = 0;
  for (int64_t limit : {1, 3, 6, 10, 100, 1000}) {
    int64_t high = limit;
    if (num_classes < kPaperClasses)
      high =
          std::llround(std::pow(num_classes, std::log(static_cast<double>(limit)) / std::log(kPaperClasses)));
    if (limit == 1000) high = num_classes;
    high = std::min(std::max(high, low), num_classes);
    if (high < low) break;
    strata.push_back({low, high});
    low = high + 1;
  }
  return strata;
}

double stratified_violation(const std::vector<SizeAndCover>& examples, const std::vector<Stratum>& strata,
                            double alpha) {
  std::vector<int64_t> counts(strata.size()), covered(strata.size());
  for (const SizeAndCover& example : examples) {
    const auto stratum =
        static_cast<size_t>(std::lower_bound(strata.begin(), strata.end(), example.size,
                                             [](const Stratum& s, int64_t size) { return s.high < size; }) -
                            strata.begin());
    ++counts[stratum];
    covered[stratum] += example.covered;
  }
  double violation = 0;
  for (size_t j = 0; j < strata.size(); ++j)
    if (counts[j] > 0)
      violation =
          std::max(violation,
                   std::abs(static_cast<double>(covered[j]) / static_cast<double>(counts[j]) - (1 - alpha)));
  return violation;
}

}  // namespace lathe::evaluate::conformal
