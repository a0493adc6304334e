#include "lathe/evaluate/classification.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lathe/core/error.h"

namespace lathe::evaluate {
namespace {

constexpr int64_t kRowsAtOnce = 65536;  // bounds the copy in float64

void check(const at::Tensor& logits, const at::Tensor& targets, const ClassificationOptions& options) {
  if (logits.dim() != 2 || !logits.is_floating_point()) {
    throw InputError("logits must be floating point [examples, classes], got {} of shape [{}]",
                     c10::toString(logits.scalar_type()), fmt::join(logits.sizes(), ", "));
  }
  if (targets.dim() != 1 || targets.scalar_type() != torch::kInt64) {
    throw InputError("targets must be int64 [examples], got {} of shape [{}]",
                     c10::toString(targets.scalar_type()), fmt::join(targets.sizes(), ", "));
  }
  if (logits.size(0) != targets.size(0)) {
    throw InputError("logits have {} rows and targets {}; there must be one target a row", logits.size(0),
                     targets.size(0));
  }
  if (logits.size(0) == 0 || logits.size(1) == 0) {
    throw InputError("logits must have at least one example and one class, got shape [{}]",
                     fmt::join(logits.sizes(), ", "));
  }
  if (options.top_k < 1) throw InputError("top_k must be at least 1, got {}", options.top_k);
}

struct Sums {
  int64_t found = 0;  // targets among the top k
  double nll = 0, brier = 0;
};

// One example: adds to the sums, returns the prediction.
int64_t add_example(const double* logits, int64_t num_classes, int64_t target, int64_t row, int64_t top_k,
                    Sums& sums) {
  const int64_t prediction = std::max_element(logits, logits + num_classes) - logits;
  const double max = logits[prediction];
  double normalizer = 0;
  for (int64_t k = 0; k < num_classes; ++k) normalizer += std::exp(logits[k] - max);
  if (!std::isfinite(normalizer)) {
    throw InputError(
        "row {} of the logits (counted from 0) is no distribution: it holds NaN, +inf or only -inf", row);
  }
  int64_t before = 0;  // classes that rank before the target
  double squares = 0;
  for (int64_t k = 0; k < num_classes; ++k) {
    before += logits[k] > logits[target] || (logits[k] == logits[target] && k < target);
    const double error = std::exp(logits[k] - max) / normalizer - (k == target);
    squares += error * error;
  }
  sums.found += before < top_k;
  sums.nll += std::log(normalizer) - (logits[target] - max);
  sums.brier += squares;
  return prediction;
}

}  // namespace

ClassificationMetrics classification_metrics(const at::Tensor& logits, const at::Tensor& targets,
                                             const ClassificationOptions& options) {
  check(logits, targets, options);
  const int64_t num_examples = logits.size(0), num_classes = logits.size(1);
  const at::Tensor truth = targets.to(torch::kCPU).contiguous();
  const int64_t* target = truth.data_ptr<int64_t>();
  std::vector<int64_t> confusion(num_classes * num_classes, 0);
  Sums sums;
  for (int64_t begin = 0; begin < num_examples; begin += kRowsAtOnce) {
    const int64_t end = std::min(begin + kRowsAtOnce, num_examples);
    const at::Tensor rows = logits.slice(0, begin, end).to(torch::kCPU, torch::kFloat64).contiguous();
    const double* row = rows.data_ptr<double>();
    for (int64_t i = begin; i < end; ++i, row += num_classes) {
      if (target[i] < 0 || target[i] >= num_classes) {
        throw InputError("target {} (counted from 0) is {}; with {} classes it must be in [0, {}]", i,
                         target[i], num_classes, num_classes - 1);
      }
      ++confusion[target[i] * num_classes + add_example(row, num_classes, target[i], i, options.top_k, sums)];
    }
  }

  ClassificationMetrics metrics;
  const auto n = static_cast<double>(num_examples);
  metrics.num_examples = num_examples;
  metrics.confusion = torch::tensor(confusion, torch::kInt64).view({num_classes, num_classes});
  const at::Tensor hits = metrics.confusion.diagonal().to(torch::kFloat64);
  const at::Tensor predicted = metrics.confusion.sum(0), present = metrics.confusion.sum(1);
  metrics.accuracy = hits.sum().item<double>() / n;
  metrics.top_k = static_cast<double>(sums.found) / n;
  metrics.nll = sums.nll / n;
  metrics.brier = sums.brier / n;
  metrics.precision = hits / predicted;
  metrics.recall = hits / present;
  metrics.f1 = 2 * hits / (predicted + present);
  return metrics;
}

}  // namespace lathe::evaluate
