#pragma once
#include <string>
#include <vector>

#include "lathe/evaluate/subjective/judged.h"
#include "lathe/math/bootstrap.h"

// The means of what was judged, for any weights of samples and annotators, in one pass.
namespace lathe::evaluate::subjective {

// Which of the judged annotators (or samples) a slice has.
struct Partition {
  std::string attribute;
  std::vector<std::string> values;
  std::vector<int32_t> codes;  // of the judged ones
};

struct Measure {
  int64_t slice = 0;  // 0: everything; then the groups of each partition, then the strata
  std::string name;
};

class Measures {
 public:
  // person_weights: of the judged annotators, for post_stratified_accuracy.
  Measures(Judged judged, std::vector<Partition> groups, std::vector<Partition> strata,
           std::vector<double> person_weights);
  const Judged& judged() const { return judged_; }
  // Which measure each value is.
  const std::vector<Measure>& measures() const { return measures_; }
  // NaN for what the weights leave nothing of.
  std::vector<double> operator()(const math::TwoWayWeights& weights) const;

  // Of each judged annotator: share of their annotations that the model gets right, and how many those are.
  const std::vector<double>& person_accuracy() const { return person_accuracy_; }
  const std::vector<int64_t>& person_counts() const { return person_counts_; }

 private:
  using Sums = std::array<double, kNumAnnotationColumns>;
  struct Pass;
  Pass pass(const math::TwoWayWeights& weights) const;
  double person_spread(const math::TwoWayWeights& weights, const Partition* groups, int32_t code) const;
  double person_correlation(const math::TwoWayWeights& weights) const;

  Judged judged_;
  std::vector<Partition> groups_, strata_;
  std::vector<double> person_weights_, person_accuracy_;
  std::vector<int64_t> person_counts_;
  std::vector<Measure> measures_;
};

}  // namespace lathe::evaluate::subjective
