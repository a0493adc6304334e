#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace lathe::evaluate::opinion {

// What a model is measured by, against the annotators' own labels. With two classes the second is positive;
// with more, the rates and F1 are one class against the rest, averaged over the classes for which they are
// defined. Cross-entropy is −ln p of the annotator's label (p at least 1e-7, so that a model that gives
// labels only has a finite one); MAE is 1 − p, half the L1 distance between prediction and label.
enum class Metric { accuracy, tpr, tnr, fpr, fnr, f1, cross_entropy, mae };

const std::vector<Metric>& all_metrics();
std::string to_string(Metric metric);          // accuracy TPR TNR FPR FNR F1 CE MAE
Metric parse_metric(const std::string& name);  // throws InputError with the nearest name

// A weighted count of outcomes: [said, predicted] for C classes, then the sums of −ln p and 1 − p.
inline int64_t tally_size(int64_t num_classes) {
  return num_classes * num_classes + 2;
}
// NaN where it is 0/0.
double metric_value(Metric metric, const double* tally, int64_t num_classes);
// Why it may be NaN although there are annotations: "no positives", "no negatives".
std::string why_undefined(Metric metric);

}  // namespace lathe::evaluate::opinion
