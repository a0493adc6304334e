#include "lathe/evaluate/opinion/metric.h"

#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/printable.h"

namespace lathe::evaluate::opinion {
namespace {

constexpr std::array<const char*, 8> kNames = {"accuracy", "TPR", "TNR", "FPR", "FNR", "F1", "CE", "MAE"};

struct OneAgainstRest {
  double positive = 0, negative = 0;  // said
  double true_positive = 0, false_positive = 0;
};

OneAgainstRest against_rest(const double* tally, int64_t num_classes, int64_t one) {
  OneAgainstRest count;
  for (int64_t said = 0; said < num_classes; ++said)
    for (int64_t predicted = 0; predicted < num_classes; ++predicted) {
      const double weight = tally[said * num_classes + predicted];
      (said == one ? count.positive : count.negative) += weight;
      if (predicted == one) (said == one ? count.true_positive : count.false_positive) += weight;
    }
  return count;
}

double rate(Metric metric, const OneAgainstRest& count) {
  switch (metric) {
    case Metric::tpr:
      return count.true_positive / count.positive;
    case Metric::fnr:
      return (count.positive - count.true_positive) / count.positive;
    case Metric::fpr:
      return count.false_positive / count.negative;
    case Metric::tnr:
      return (count.negative - count.false_positive) / count.negative;
    default:
      return 2 * count.true_positive / (count.positive + count.true_positive + count.false_positive);
  }
}

}  // namespace

const std::vector<Metric>& all_metrics() {
  static const std::vector<Metric> all = {Metric::accuracy, Metric::tpr, Metric::tnr,           Metric::fpr,
                                          Metric::fnr,      Metric::f1,  Metric::cross_entropy, Metric::mae};
  return all;
}

std::string to_string(Metric metric) {
  return kNames[static_cast<size_t>(metric)];
}

Metric parse_metric(const std::string& name) {
  for (const Metric metric : all_metrics())
    if (to_string(metric) == name) return metric;
  const std::vector<std::string> names(kNames.begin(), kNames.end());
  const auto near = core::nearest(name, names);
  throw InputError("unknown metric '{}'{}; metrics are {}", core::printable(name),
                   near ? fmt::format(", did you mean {}?", *near) : "", fmt::join(names, ", "));
}

double metric_value(Metric metric, const double* tally, int64_t num_classes) {
  const int64_t cells = num_classes * num_classes;
  if (metric == Metric::accuracy || metric == Metric::cross_entropy || metric == Metric::mae) {
    double total = 0, correct = 0;
    for (int64_t cell = 0; cell < cells; ++cell) total += tally[cell];
    if (metric == Metric::cross_entropy) return tally[cells] / total;
    if (metric == Metric::mae) return tally[cells + 1] / total;
    for (int64_t label = 0; label < num_classes; ++label) correct += tally[label * (num_classes + 1)];
    return correct / total;
  }
  if (num_classes == 2) return rate(metric, against_rest(tally, num_classes, 1));
  double sum = 0, defined = 0;
  for (int64_t one = 0; one < num_classes; ++one) {
    const double value = rate(metric, against_rest(tally, num_classes, one));
    if (std::isnan(value)) continue;
    sum += value;
    ++defined;
  }
  return sum / defined;
}

std::string why_undefined(Metric metric) {
  switch (metric) {
    case Metric::tpr:
    case Metric::fnr:
    case Metric::f1:
      return "no positives";
    case Metric::tnr:
    case Metric::fpr:
      return "no negatives";
    default:
      return "no data";
  }
}

}  // namespace lathe::evaluate::opinion
