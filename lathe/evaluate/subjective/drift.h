#pragma once
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/data/annotations.h"
#include "lathe/math/bootstrap.h"

// Whether a new wave of annotations is like an old one.
namespace lathe::evaluate::subjective {

struct DriftOptions {
  std::vector<std::string> attributes;  // of annotators
  math::BootstrapOptions bootstrap{.num_replicates = 1000};
};
struct Change {
  std::string what;
  double before = 0, after = 0;  // NaN where there is nothing to measure
  math::Interval difference;     // of after - before; NaN where none can be told
  double p_value = 1;            // that nothing changed, after Holm's correction for all lines
  bool changed = false;          // p_value <= 1 - confidence
};
// The mean answer (share of each class, or mean of real labels), of all samples and of those that both waves
// have (by name), there also by group of annotators; Krippendorff's alpha; and for each attribute the total
// variation between the annotators' shares. Differences have normal intervals with the standard errors of the
// two-way bootstrap of each wave, as if the waves shared nobody: too wide where they do. Shares of annotators
// are compared by the chi-square test of two samples (no interval). Throws InputError for different scales,
// attributes that a wave does not have, and waves of fewer than two samples or annotators.
std::vector<Change> drift(const data::Annotations& before, const data::Annotations& after,
                          const DriftOptions& options = {});

core::Table drift_table(const std::vector<Change>& changes);

}  // namespace lathe::evaluate::subjective
