#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/core/table.h"
#include "lathe/evaluate/active/estimators.h"

// Classification metrics from labels that were chosen: every count of a formula becomes a sum of weights, and
// the error is that of the formula's linear part (the delta method).
namespace lathe::evaluate::active {

// The labelled points in the order of their steps.
struct Labelled {
  std::vector<int64_t> labels, predictions;  // classes
  std::vector<double> q;
  int64_t num_pool = 0;
  int64_t num_classes = 0;
  std::vector<double> scores = {};  // two classes, may be empty: how much class 1 is predicted; for AUC
};

struct Metric {
  std::string name;  // accuracy, precision, recall, f1, auc, share (of the pool)
  int64_t of_class = -1;
  double value = 0;  // NaN where it is 0/0: nothing predicted, no such label
  double standard_error = 0;
  math::Interval interval;
};

// Accuracy is 1 less the estimated mean of 0/1 losses, so that it is unbiased; what is right more often than
// not is not what draws are made for.
//
// A ratio Σ w x / Σ w y has the error of the weighted mean of ψ = (x − ratio · y) / mean(y), by the
// estimator's own standard error; F1 = 2 TP / (predicted + labelled) is such a ratio. Its interval is Clopper
// and Pearson's for the n at which p (1 − p) / n is the squared error (Korn & Graubard 1998), which stays
// inside [0, 1] and has a width where all labels agree: then n is the effective size of the labels that
// count.
//
// AUC is P(score of a label 1 > score of a label 0) + half of ties, with weights w_i w_j on pairs; ψ is its
// placement value (DeLong, DeLong & Clarke-Pearson 1988) over the class's share.
//
// Throw InputError for different sizes, classes out of range, and as RunningRisk.
Metric accuracy(const Labelled& points, Estimator estimator, double confidence = 0.95);
Metric share(const Labelled& points, int64_t of_class, Estimator estimator, double confidence = 0.95);
Metric precision(const Labelled& points, int64_t of_class, Estimator estimator, double confidence = 0.95);
Metric recall(const Labelled& points, int64_t of_class, Estimator estimator, double confidence = 0.95);
Metric f1(const Labelled& points, int64_t of_class, Estimator estimator, double confidence = 0.95);
Metric auc(const Labelled& points, Estimator estimator, double confidence = 0.95);

// Accuracy, AUC where there are scores, and of every class its share, precision, recall and F1.
std::vector<Metric> all_metrics(const Labelled& points, Estimator estimator, double confidence = 0.95);

}  // namespace lathe::evaluate::active
