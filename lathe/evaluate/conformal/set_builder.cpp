#include "lathe/evaluate/conformal/set_builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/core/error.h"
#include "lathe/evaluate/conformal/quantile.h"

namespace lathe::evaluate::conformal {
namespace {

at::Tensor checked_column(const at::Tensor& column, const LogitRows& logits, const char* what,
                          at::ScalarType type) {
  if (column.dim() != 1 || column.size(0) != logits.num_examples() || column.scalar_type() != type)
    throw InputError("{} must be {} [{}], one for each row of the logits, got {} [{}]", what,
                     c10::toString(type), logits.num_examples(), c10::toString(column.scalar_type()),
                     fmt::join(column.sizes(), ", "));
  return column.to(torch::kCPU).contiguous();
}

}  // namespace

at::Tensor checked_groups(const Examples& examples, const LogitRows& logits, Condition condition) {
  if (!examples.groups.defined()) {
    if (condition == Condition::kGroup) throw InputError("sets by group need the examples' groups");
    return {};
  }
  const at::Tensor groups = checked_column(examples.groups, logits, "groups", torch::kInt64);
  for (int64_t i = 0; i < logits.size(); ++i) {
    const int64_t group = groups.data_ptr<int64_t>()[logits.example(i)];
    if (group < 0)
      throw InputError("group {} (counted from 0) is {}; groups count from 0", logits.example(i), group);
  }
  return groups;
}

at::Tensor checked_weights(const Examples& examples, const LogitRows& logits) {
  if (!examples.weights.defined()) return {};
  const at::Tensor weights = checked_column(examples.weights, logits, "weights", torch::kFloat64);
  for (int64_t i = 0; i < logits.size(); ++i) {
    const double weight = weights.data_ptr<double>()[logits.example(i)];
    if (!(weight > 0) || std::isinf(weight))
      throw InputError("weight {} (counted from 0) must be positive and finite, got {}", logits.example(i),
                       weight);
  }
  return weights;
}

SetBuilder::SetBuilder(const Conformal& conformal, const LogitRows& logits, const Examples& examples)
    : conformal_(conformal),
      fitted_(conformal.fitted()),
      uniforms_(prediction_uniforms(fitted_.seed)),
      by_class_(!fitted_.pool_of_class.empty()) {
  if (logits.num_classes() != fitted_.num_classes)
    throw InputError("the sets were calibrated for {} classes, these logits have {}", fitted_.num_classes,
                     logits.num_classes());
  if (fitted_.condition == Condition::kGroup) groups_ = checked_groups(examples, logits, fitted_.condition);
  if (groups_.defined()) {
    for (int64_t i = 0; i < logits.size(); ++i) {
      const int64_t group = groups_.data_ptr<int64_t>()[logits.example(i)];
      if (group >= static_cast<int64_t>(fitted_.pools.size()))
        throw InputError("group {} of row {} was not there at calibration, which had {} groups", group,
                         logits.example(i), fitted_.pools.size());
    }
  }
  if (fitted_.weights.empty()) return;
  weights_ = checked_weights(examples, logits);
  if (!weights_.defined()) throw InputError("calibration had weights; these examples need theirs");
}

double SetBuilder::threshold(int64_t example) const {
  if (groups_.defined())
    return conformal_.thresholds()[static_cast<size_t>(groups_.data_ptr<int64_t>()[example])];
  if (weights_.defined())
    return weighted_quantile(fitted_.pools[0], conformal_.cumulative_weights_,
                             weights_.data_ptr<double>()[example], fitted_.alpha);
  return *std::max_element(conformal_.thresholds().begin(), conformal_.thresholds().end());
}

size_t SetBuilder::pool_of(int64_t example, int64_t label) const {
  if (groups_.defined()) return static_cast<size_t>(groups_.data_ptr<int64_t>()[example]);
  return by_class_ ? static_cast<size_t>(fitted_.pool_of_class[static_cast<size_t>(label)]) : 0;
}

void SetBuilder::append_set(RankedRow& row, int64_t example, std::vector<int64_t>& labels) const {
  const double u = fitted_.rule.randomized == Randomized::kYes && randomizable(fitted_.rule.method)
                       ? uniforms_(example)
                       : 1;
  const std::vector<double>& scores = row.set_scores(fitted_.rule, threshold(example), u);
  const size_t begin = labels.size();
  for (size_t i = 0; i < scores.size(); ++i) {
    const int64_t label = row.label_at(static_cast<int64_t>(i) + 1);
    if (!by_class_ || scores[i] <= conformal_.thresholds()[pool_of(example, label)]) labels.push_back(label);
  }
  if (labels.size() == begin && !fitted_.rule.allow_empty) labels.push_back(row.label_at(1));
}

double SetBuilder::p_value(size_t pool, int64_t example, double score) const {
  const std::vector<double>& sorted = fitted_.pools[pool];
  const auto below =
      static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), score) - sorted.begin());
  if (!weights_.defined())
    return static_cast<double>(1 + sorted.size() - below) / static_cast<double>(sorted.size() + 1);
  const std::vector<double>& cumulative = conformal_.cumulative_weights_;
  const double own = weights_.data_ptr<double>()[example], total = cumulative.back() + own;
  return 1 - (below == 0 ? 0 : cumulative[below - 1]) / total;
}

void SetBuilder::p_values(RankedRow& row, int64_t example, double* values) const {
  const std::vector<double>& scores =
      row.set_scores(fitted_.rule, std::numeric_limits<double>::infinity(), uniforms_(example));
  for (size_t i = 0; i < scores.size(); ++i) {
    const int64_t label = row.label_at(static_cast<int64_t>(i) + 1);
    values[label] = p_value(pool_of(example, label), example, scores[i]);
  }
}

}  // namespace lathe::evaluate::conformal
