#include "lathe/evaluate/conformal/conformal.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "lathe/core/error.h"
#include "lathe/evaluate/conformal/quantile.h"
#include "lathe/evaluate/conformal/set_builder.h"
#include "lathe/evaluate/logit_rows.h"

namespace lathe::evaluate::conformal {
namespace {

std::string small_pool_warning(const Fitted& fitted, int64_t num_small) {
  const int64_t needed = smallest_calibration(fitted.alpha);
  if (fitted.pools.size() == 1)
    return fmt::format(
        "{} calibration examples are too few for alpha = {}: every set holds all labels; it takes "
        "at least {}",
        fitted.pools[0].size(), fitted.alpha, needed);
  return fmt::format(
      "{} of {} pools of calibration scores (by {}) have fewer than the {} examples that alpha = "
      "{} takes: their sets hold all labels, or all such labels",
      num_small, fitted.pools.size(), to_string(fitted.condition), needed, fitted.alpha);
}

}  // namespace

Conformal::Conformal(Fitted fitted) : fitted_(std::move(fitted)) {
  if (fitted_.rule.method == Method::kNaive) {
    fitted_.pools.clear();
    thresholds_ = {1 - fitted_.alpha};
    return;
  }
  int64_t num_small = 0;
  for (const auto& pool : fitted_.pools) {
    thresholds_.push_back(conformal_quantile(pool, fitted_.alpha));
    num_small += thresholds_.back() == std::numeric_limits<double>::infinity();
  }
  cumulative_weights_.resize(fitted_.weights.size());
  std::partial_sum(fitted_.weights.begin(), fitted_.weights.end(), cumulative_weights_.begin());
  if (num_small > 0 && fitted_.alpha > 0) warnings_.push_back(small_pool_warning(fitted_, num_small));
}

Sets Conformal::predict(const Examples& examples) const {
  const LogitRows logits(examples.logits, examples.rows);
  const SetBuilder builder(*this, logits, examples);
  Sets sets;
  sets.offsets = torch::zeros({logits.size() + 1}, torch::kInt64);
  int64_t* offsets = sets.offsets.data_ptr<int64_t>();
  std::vector<std::vector<int64_t>> parts(static_cast<size_t>(num_chunks(logits.size())));
  for_each_chunk(logits.size(), [&](int64_t begin, int64_t end, int64_t chunk) {
    RankedRow row(logits, fitted_.temperature);
    std::vector<int64_t>& labels = parts[static_cast<size_t>(chunk)];
    for (int64_t i = begin; i < end; ++i) {
      const size_t before = labels.size();
      row.load(i);
      builder.append_set(row, logits.example(i), labels);
      offsets[i + 1] = static_cast<int64_t>(labels.size() - before);
    }
  });
  std::partial_sum(offsets, offsets + logits.size() + 1, offsets);
  sets.labels = torch::empty({offsets[logits.size()]}, torch::kInt64);
  int64_t* to = sets.labels.data_ptr<int64_t>();
  for (const auto& part : parts) to = std::copy(part.begin(), part.end(), to);
  return sets;
}

at::Tensor Conformal::p_values(const Examples& examples) const {
  const LogitRows logits(examples.logits, examples.rows);
  if (fitted_.rule.method == Method::kNaive || fitted_.rule.randomized == Randomized::kCalibrationOnly)
    throw InputError(
        "p-values need calibrated sets that are drawn as calibration was; not the naive method, not "
        "calibration-only");
  const SetBuilder builder(*this, logits, examples);
  at::Tensor values = torch::empty({logits.size(), logits.num_classes()}, torch::kFloat64);
  for_each_chunk(logits.size(), [&](int64_t begin, int64_t end, int64_t) {
    RankedRow row(logits, fitted_.temperature);
    for (int64_t i = begin; i < end; ++i) {
      row.load(i);
      builder.p_values(row, logits.example(i), values.data_ptr<double>() + i * logits.num_classes());
    }
  });
  return values;
}

Conformal Conformal::at_alpha(double alpha) const {
  Fitted fitted = fitted_;
  fitted.alpha = alpha;
  return Conformal(std::move(fitted));
}

int64_t Conformal::num_calibration() const {
  if (fitted_.condition == Condition::kCluster) return static_cast<int64_t>(fitted_.pools[0].size());
  int64_t n = 0;
  for (const auto& pool : fitted_.pools) n += static_cast<int64_t>(pool.size());
  return n;
}

at::Tensor logits_of_probabilities(const at::Tensor& probabilities) {
  const at::Tensor bad = probabilities.sum(-1, /*keepdim=*/false, torch::kFloat64)
                             .sub(1)
                             .abs()
                             .le(1e-2)
                             .logical_and(probabilities.amin(-1).ge(0))
                             .logical_not()
                             .nonzero();
  if (bad.size(0) > 0)
    throw InputError(
        "row {} of the probabilities (counted from 0) must be non-negative and sum to 1, its sum is {}",
        bad[0][0].item<int64_t>(), probabilities[bad[0][0].item<int64_t>()].sum().item<double>());
  return probabilities.log();
}

}  // namespace lathe::evaluate::conformal
