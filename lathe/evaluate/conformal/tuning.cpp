#include "lathe/evaluate/conformal/tuning.h"

#include <algorithm>

#include "lathe/evaluate/calibration.h"
#include "lathe/evaluate/conformal/quantile.h"
#include "lathe/evaluate/conformal/ranked_row.h"
#include "lathe/evaluate/conformal/strata.h"
#include "lathe/evaluate/conformal/truth.h"

namespace lathe::evaluate::conformal {
namespace {

std::vector<double> lambda_grid(Tune tune) {
  if (tune == Tune::kAdaptiveness) return {0, 1e-5, 1e-4, 8e-4, 9e-4, 1e-3, 1.5e-3, 2e-3};
  return {0.001, 0.01, 0.1, 0.2, 0.5};
}

int64_t choose_k_reg(const std::vector<Truth>& truths, double alpha) {
  std::vector<int64_t> ranks;
  for (const Truth& truth : truths) ranks.push_back(truth.label.rank);
  std::sort(ranks.begin(), ranks.end());
  const auto n = static_cast<int64_t>(ranks.size());
  const int64_t uncovered = std::min(num_excluded(n - 1, alpha), n - 1);  // ⌊n α⌋
  return ranks[static_cast<size_t>(n - 1 - uncovered)];
}

using Outcomes = std::vector<SizeAndCover>;

// The sets of these examples under each rule, calibrated on themselves.
std::vector<Outcomes> outcomes(const LogitRows& logits, const std::vector<Truth>& truths,
                               const std::vector<Rule>& rules, const Tuned& tuned, double alpha) {
  std::vector<double> thresholds;
  for (const Rule& rule : rules) {
    std::vector<double> sorted = scores(rule, truths);
    std::sort(sorted.begin(), sorted.end());
    thresholds.push_back(conformal_quantile(sorted, alpha));
  }
  std::vector<Outcomes> result(rules.size(), Outcomes(truths.size()));
  for_each_chunk(logits.size(), [&](int64_t begin, int64_t end, int64_t) {
    RankedRow row(logits, tuned.temperature);
    for (int64_t i = begin; i < end; ++i) {
      const Truth& truth = truths[static_cast<size_t>(i)];
      row.load(i);
      for (size_t r = 0; r < rules.size(); ++r) {
        const int64_t size = row.set_size(rules[r], thresholds[r], truth.u);
        result[r][static_cast<size_t>(i)] = {size, truth.label.rank <= size};
      }
    }
  });
  return result;
}

double mean_size(const Outcomes& examples) {
  double sum = 0;
  for (const SizeAndCover& example : examples) sum += static_cast<double>(example.size);
  return sum / static_cast<double>(examples.size());
}

double choose_lambda(const LogitRows& logits, const std::vector<Truth>& truths, const Tuned& tuned,
                     const Options& options) {
  const std::vector<double> grid = lambda_grid(options.tune);
  std::vector<Rule> rules(grid.size(), tuned.rule);
  for (size_t r = 0; r < grid.size(); ++r) rules[r].lambda = grid[r];
  std::vector<double> costs;
  for (const Outcomes& sets : outcomes(logits, truths, rules, tuned, options.alpha))
    costs.push_back(options.tune == Tune::kAdaptiveness
                        ? stratified_violation(sets, size_strata(logits.num_classes()), options.alpha)
                        : mean_size(sets));
  return grid[static_cast<size_t>(std::min_element(costs.begin(), costs.end()) - costs.begin())];
}

}  // namespace

Tuned tune(const LogitRows& logits, const at::Tensor& labels, const Options& options) {
  Tuned tuned;
  tuned.rule = {
      .method = options.method, .randomized = options.randomized, .allow_empty = options.allow_empty};
  tuned.temperature = options.temperature ? *options.temperature : fit_temperature(logits, labels);
  if (options.method != Method::kRaps) return tuned;

  std::vector<Truth> truths;
  if (!options.k_reg || !options.lambda)
    truths = rank_truths(logits, labels, tuned.temperature,
                         options.randomized == Randomized::kNo ? Draw::kOne : Draw::kUniform, options.seed);
  tuned.rule.k_reg = options.k_reg ? *options.k_reg : choose_k_reg(truths, options.alpha);
  tuned.rule.lambda = options.lambda ? *options.lambda : choose_lambda(logits, truths, tuned, options);
  return tuned;
}

}  // namespace lathe::evaluate::conformal
