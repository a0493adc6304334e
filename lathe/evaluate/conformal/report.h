#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/math/intervals.h"

namespace lathe::evaluate::conformal {

// Some of the examples: their sets' coverage and mean size. NaN where there are none.
struct Slice {
  std::string name;
  int64_t count = 0;
  double coverage = 0, mean_size = 0;
};

struct Report {
  int64_t num_examples = 0, num_calibration = 0;
  double alpha = 0;
  double coverage = 0;
  math::Interval coverage_interval;             // Clopper–Pearson, 95 %
  std::optional<math::Interval> coverage_band;  // where the coverage of 99 % of calibrations lies
                                                // (quantile.h); only for one unweighted threshold
  std::optional<math::Interval> observed_band;  // the same, measured on so many examples
  double mean_size = 0, median_size = 0;
  int64_t num_empty = 0, num_full = 0;  // sets without a label, with all of them
  std::vector<int64_t> size_counts;     // examples by set size, [K + 1]
  std::vector<Slice> by_difficulty;     // by the true label's rank: 1, 2–3, 4–6, 7–10, 11–100, above
  std::vector<Slice> by_size;           // by stratum of set size (strata.h)
  double stratified_violation = 0;      // SSCV (strata.h)
  std::vector<Slice> by_class;          // by true class, [K]
  std::vector<Slice> by_group;          // where the examples have groups
  double accuracy = 0, top5_accuracy = 0;
  double ece_before = 0, ece_after = 0;  // expected calibration error at T = 1 and at the fitted T
  std::vector<std::string> notes;        // what a reader must know: sets that hold all labels, …
};

// Predicts the examples' sets and compares them with their labels. Throws InputError as predict, and for
// labels that are missing or out of range.
Report report(const Conformal& conformal, const Examples& examples);

core::Table summary_table(const Report& report);
core::Table slice_table(const std::string& what, const std::vector<Slice>& slices);  // empty slices left out
nlohmann::json to_json(const Report& report);

}  // namespace lathe::evaluate::conformal
