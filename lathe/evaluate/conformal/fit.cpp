#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/evaluate/conformal/clusters.h"
#include "lathe/evaluate/conformal/conformal.h"
#include "lathe/evaluate/conformal/quantile.h"
#include "lathe/evaluate/conformal/set_builder.h"
#include "lathe/evaluate/conformal/truth.h"
#include "lathe/evaluate/conformal/tuning.h"
#include "lathe/evaluate/logit_rows.h"

namespace lathe::evaluate::conformal {
namespace {

constexpr int64_t kFolds = 5;

bool tunes_rule(const Options& options) {
  return options.method == Method::kRaps && (!options.k_reg || !options.lambda);
}

bool needs_tuning_part(const Options& options) {
  return options.condition == Condition::kCluster ||
         (options.tune != Tune::kNone && (!options.temperature || tunes_rule(options)));
}

void check(const Options& options, const LogitRows& logits) {
  if (!(options.alpha > 0 && options.alpha < 1))
    throw InputError("alpha must be in (0, 1), got {}", options.alpha);
  if (!(options.tune_fraction > 0 && options.tune_fraction < 1))
    throw InputError("tune_fraction must be in (0, 1), got {}", options.tune_fraction);
  if (options.k_reg && (*options.k_reg < 0 || *options.k_reg > logits.num_classes()))
    throw InputError("k_reg must be in [0, {}], the number of classes, got {}", logits.num_classes(),
                     *options.k_reg);
  if (options.lambda && !(*options.lambda >= 0 && std::isfinite(*options.lambda)))
    throw InputError("lambda must be at least 0 and finite, got {}", *options.lambda);
  if (options.temperature && !(*options.temperature > 0 && std::isfinite(*options.temperature)))
    throw InputError("temperature must be positive and finite, got {}", *options.temperature);
  if (options.tune == Tune::kNone && tunes_rule(options))
    throw InputError("without tuning, RAPS needs k_reg and lambda");
  if (!options.classes.empty() && static_cast<int64_t>(options.classes.size()) != logits.num_classes())
    throw InputError("{} class names for {} columns of logits", options.classes.size(), logits.num_classes());
  if (options.condition == Condition::kNone) return;
  if (options.method == Method::kNaive)
    throw InputError("the naive method does not calibrate, so not by {} either",
                     to_string(options.condition));
  if (options.randomized == Randomized::kCalibrationOnly && options.condition != Condition::kGroup)
    throw InputError(
        "calibration-only randomisation keeps one label more of a ranking; thresholds by {} have none",
        to_string(options.condition));
  if (options.tune == Tune::kCross && options.condition == Condition::kCluster)
    throw InputError("clusters need a tuning part of their own: tune size, not cross");
}

// A threshold alone decides: probabilities of different temperature differ, ranks do not.
Options without_tuning(Options options) {
  if (!options.temperature) options.temperature = 1;
  return options;
}

struct Parts {
  std::vector<int64_t> tuning, calibration;  // examples
};

Parts split(const LogitRows& logits, const Examples& given, const Options& options) {
  if (given.tuning.defined()) return {LogitRows(given.logits, given.tuning).examples(), logits.examples()};
  std::vector<int64_t> examples = logits.examples();
  core::Seed(options.seed).stream("split").random().shuffle(examples);
  const auto n = static_cast<int64_t>(examples.size());
  const auto count = static_cast<int64_t>(std::llround(options.tune_fraction * static_cast<double>(n)));
  if (count == 0 || count == n)
    throw InputError(
        "{} calibration examples leave the {} part empty at tune_fraction {}; give more examples", n,
        count == 0 ? "tuning" : "calibration", options.tune_fraction);
  const auto middle = examples.begin() + count;
  return {{examples.begin(), middle}, {middle, examples.end()}};
}

struct Scored {
  Tuned tuned;
  std::vector<int64_t> examples;
  std::vector<double> scores;
  double accuracy = 0;  // of the first label
};

Draw draw_of(const Options& options) {
  return options.randomized == Randomized::kNo ? Draw::kOne : Draw::kUniform;
}

void add_scores(Scored& scored, const Tuned& tuned, const LogitRows& rows, const at::Tensor& labels,
                const Options& options) {
  const std::vector<Truth> truths =
      rank_truths(rows, labels, tuned.temperature, draw_of(options), options.seed);
  for (int64_t i = 0; i < rows.size(); ++i) {
    const Truth& truth = truths[static_cast<size_t>(i)];
    scored.examples.push_back(rows.example(i));
    scored.scores.push_back(score(tuned.rule, truth.label, truth.u));
    scored.accuracy += truth.label.rank == 1;
  }
}

// Every example is scored with what the other folds chose.
Scored cross_score(const LogitRows& logits, const at::Tensor& labels, const Options& options) {
  std::vector<int64_t> examples = logits.examples();
  core::Seed(options.seed).stream("split").random().shuffle(examples);
  const auto n = static_cast<int64_t>(examples.size());
  if (n < kFolds) throw InputError("{} calibration examples cannot make {} folds", n, kFolds);
  Scored scored;
  scored.tuned = tune(logits, labels, options);
  for (int64_t fold = 0; fold < kFolds; ++fold) {
    const auto begin = examples.begin() + n * fold / kFolds, end = examples.begin() + n * (fold + 1) / kFolds;
    std::vector<int64_t> others(examples.begin(), begin);
    others.insert(others.end(), end, examples.end());
    const Tuned tuned = tune(LogitRows(logits, std::move(others)), labels, options);
    add_scores(scored, tuned, LogitRows(logits, {begin, end}), labels, options);
  }
  return scored;
}

// For clusters: the scores of the tuning part by class, under the tuned rule.
std::vector<int64_t> clusters_of(const LogitRows& tuning, const at::Tensor& labels, const Tuned& tuned,
                                 const Options& options) {
  Scored scored;
  add_scores(scored, tuned, tuning, labels, options);
  std::vector<std::vector<double>> of_class(static_cast<size_t>(tuning.num_classes()));
  for (size_t i = 0; i < scored.scores.size(); ++i)
    of_class[static_cast<size_t>(labels.data_ptr<int64_t>()[scored.examples[i]])].push_back(scored.scores[i]);
  return cluster_classes(of_class, options.alpha, core::Seed(options.seed).stream("cluster"));
}

void sort_pools(const Scored& scored, const at::Tensor& labels, const at::Tensor& groups, Fitted& fitted) {
  int64_t num_pools = 1;
  if (fitted.condition == Condition::kGroup) {
    num_pools = static_cast<int64_t>(fitted.groups.size());
    for (int64_t example : scored.examples)
      num_pools = std::max(num_pools, groups.data_ptr<int64_t>()[example] + 1);
  } else if (!fitted.pool_of_class.empty()) {
    num_pools = *std::max_element(fitted.pool_of_class.begin(), fitted.pool_of_class.end()) + 1;
  }
  fitted.pools.resize(static_cast<size_t>(num_pools));
  for (size_t i = 0; i < scored.scores.size(); ++i) {
    int64_t pool = 0;
    if (fitted.condition == Condition::kGroup)
      pool = groups.data_ptr<int64_t>()[scored.examples[i]];
    else if (!fitted.pool_of_class.empty())
      pool = fitted.pool_of_class[static_cast<size_t>(labels.data_ptr<int64_t>()[scored.examples[i]])];
    fitted.pools[static_cast<size_t>(pool)].push_back(scored.scores[i]);
    // Pool 0 of clusters serves the rare classes: all scores.
    if (fitted.condition == Condition::kCluster && pool != 0) fitted.pools[0].push_back(scored.scores[i]);
  }
  for (auto& pool : fitted.pools) std::sort(pool.begin(), pool.end());
}

void sort_with_weights(const Scored& scored, const at::Tensor& weights, Fitted& fitted) {
  std::vector<std::pair<double, double>> pairs;
  for (size_t i = 0; i < scored.scores.size(); ++i)
    pairs.emplace_back(scored.scores[i], weights.data_ptr<double>()[scored.examples[i]]);
  std::sort(pairs.begin(), pairs.end());
  fitted.pools.resize(1);
  for (const auto& [score, weight] : pairs) {
    fitted.pools[0].push_back(score);
    fitted.weights.push_back(weight);
  }
}

bool looks_like_probabilities(const LogitRows& logits) {
  constexpr int64_t kRows = 1000;
  std::vector<float> scratch;
  if (logits.num_classes() < 2) return false;
  for (int64_t i = 0; i < std::min(kRows, logits.size()); ++i) {
    const float* row = logits.row(i, scratch);
    double sum = 0;
    for (int64_t k = 0; k < logits.num_classes(); ++k) {
      if (!(row[k] >= 0 && row[k] <= 1)) return false;
      sum += row[k];
    }
    if (std::abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

}  // namespace

Conformal Conformal::fit(const Examples& examples, const Options& options) {
  const LogitRows logits(examples.logits, examples.rows);
  check(options, logits);
  const at::Tensor labels = checked_labels(examples.labels, logits);
  if (examples.tuning.defined()) {
    if (options.tune == Tune::kCross)
      throw InputError("tune = cross tunes on folds of all examples; leave out the tuning rows");
    checked_labels(labels, LogitRows(examples.logits, examples.tuning));
  }
  const at::Tensor groups = options.condition == Condition::kGroup
                                ? checked_groups(examples, logits, options.condition)
                                : at::Tensor();
  const at::Tensor weights = checked_weights(examples, logits);
  if (weights.defined() && options.condition != Condition::kNone)
    throw InputError("weights do not go together with thresholds by {}", to_string(options.condition));

  Fitted fitted{.condition = options.condition,
                .seed = options.seed,
                .num_classes = logits.num_classes(),
                .classes = options.classes,
                .groups = options.groups};
  fitted.alpha = options.alpha;
  Scored scored;
  if (options.method == Method::kNaive) {
    scored.tuned = tune(logits, labels, options.tune == Tune::kNone ? without_tuning(options) : options);
    fitted.num_tuning = logits.size();
  } else if (!needs_tuning_part(options)) {
    scored.tuned = tune(logits, labels, without_tuning(options));
    add_scores(scored, scored.tuned, logits, labels, options);
  } else if (options.tune == Tune::kCross) {
    scored = cross_score(logits, labels, options);
  } else {
    const Parts parts = split(logits, examples, options);
    const LogitRows tuning(logits, parts.tuning);
    scored.tuned = tune(tuning, labels, options.tune == Tune::kNone ? without_tuning(options) : options);
    if (options.condition == Condition::kCluster)
      fitted.pool_of_class = clusters_of(tuning, labels, scored.tuned, options);
    add_scores(scored, scored.tuned, LogitRows(logits, parts.calibration), labels, options);
    fitted.num_tuning = tuning.size();
  }
  fitted.rule = scored.tuned.rule;
  fitted.temperature = scored.tuned.temperature;
  if (options.condition == Condition::kClass) {
    fitted.pool_of_class.resize(static_cast<size_t>(logits.num_classes()));
    for (size_t k = 0; k < fitted.pool_of_class.size(); ++k)
      fitted.pool_of_class[k] = static_cast<int64_t>(k);
  }
  if (weights.defined() && options.method != Method::kNaive)
    sort_with_weights(scored, weights, fitted);
  else
    sort_pools(scored, labels, groups, fitted);
  if (options.condition == Condition::kClass) fitted.pools.resize(static_cast<size_t>(logits.num_classes()));

  Conformal conformal(std::move(fitted));
  if (looks_like_probabilities(logits))
    conformal.warnings_.push_back(
        "the rows are non-negative and sum to 1, as probabilities do: pass those as --probabilities");
  const double accuracy = scored.accuracy / std::max<double>(1, static_cast<double>(scored.scores.size()));
  if (options.training_accuracy && !scored.scores.empty() && accuracy >= *options.training_accuracy)
    conformal.warnings_.push_back(fmt::format(
        "accuracy on the calibration examples, {:.4f}, is no lower than in training, {:.4f}: calibrate on "
        "examples that the model was not trained on",
        accuracy, *options.training_accuracy));
  return conformal;
}

}  // namespace lathe::evaluate::conformal
