#pragma once
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/opinion/compare.h"
#include "lathe/evaluate/opinion/explain.h"
#include "lathe/evaluate/opinion/slices.h"

// What was measured as tables: for people as text and HTML, for programs as JSON and CSV. "low" and "high"
// are the ends of the interval.
namespace lathe::evaluate::opinion {

core::Table unfairness_table(const Measurement& measurement);
// F and G of every criterion and metric.
core::Table scores_table(const Measurement& measurement);
core::Table bins_table(const BinTable& table);
// The worst served users, at most so many (0: all), then those that are pooled as rare.
core::Table users_table(const data::Annotations& annotations, const Measurement& measurement,
                        size_t most = 0);
core::Table slices_table(const Slices& slices, size_t most = 0);

// Of accuracy, worst_decile, group_gap and user_variance: what each predictor has, and what the steps between
// them change.
core::Table causes_table(const Causes& causes);
core::Table steps_table(const Causes& causes);
core::Table regression_table(const UserRegression& regression);

core::Table comparison_table(const std::vector<Difference>& differences);

}  // namespace lathe::evaluate::opinion
