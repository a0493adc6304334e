#pragma once
#include <torch/types.h>

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/evaluate/conformal/score.h"

namespace lathe::evaluate::conformal {

// Prediction sets with a guaranteed coverage for any classifier (Angelopoulos, Bates, Malik & Jordan,
// Uncertainty Sets for Image Classifiers using Conformal Prediction, ICLR 2021, arXiv 2009.14193).
//
// With p = softmax(z / T), a score s (score.h) and its conformal quantile τ̂ over n calibration examples
// (quantile.h), the set of an example is C = {y : s(y) <= τ̂}, and for exchangeable examples
//
//   1 − α <= P(Y ∈ C) <= 1 − α + 1 / (n + 1),   the upper side where scores are distinct.

// Where λ and k_reg come from. All but kNone measure on a tuning part that calibration never sees, which is
// what keeps the guarantee exact.
enum class Tune {
  kSize,          // the smallest mean set; λ ∈ {0.001, 0.01, 0.1, 0.2, 0.5} (paper, §C)
  kAdaptiveness,  // the smallest size-stratified coverage violation; λ ∈ {0, 1e-5 … 2e-3} (paper, §E)
  kCross,         // as kSize, on five folds: every example calibrates, with what the other folds chose. The
                  // sets use what all of them choose, so the guarantee is approximate
  kNone           // T = 1 unless given; k_reg and λ must be given
};

// Whom coverage holds for, besides on average.
enum class Condition {
  kNone,
  kGroup,   // each group of examples (Mondrian)
  kClass,   // each true class
  kCluster  // clusters of classes with similar scores, where classes are many and examples few (Ding et al.,
            // NeurIPS 2023); classes too rare to cluster use the quantile of all
};

struct Options {
  double alpha = 0.1;  // miscoverage, in (0, 1)
  Method method = Method::kRaps;
  std::optional<int64_t> k_reg;       // labels free of the penalty; default: tuned
  std::optional<double> lambda;       // default: tuned
  std::optional<double> temperature;  // default: fitted by NLL on the tuning part
  Tune tune = Tune::kSize;
  double tune_fraction = 0.3;  // of the calibration examples; paper, §3.1: "a small set"
  Randomized randomized = Randomized::kYes;
  Condition condition = Condition::kNone;
  bool allow_empty = true;  // no: an empty set becomes the first label; coverage can only grow
  uint64_t seed = 0;
  std::vector<std::string> classes = {};         // names, stored with the result
  std::vector<std::string> groups = {};          // likewise
  std::optional<double> training_accuracy = {};  // where known: warns when calibration scores no lower
};

// Examples that lie in whole tensors: `rows` picks some of them without a copy. The draw u of an example
// depends on the seed and its row only, not on batches or threads.
struct Examples {
  at::Tensor logits = {};  // floating point [N, K], -inf for an excluded class
  at::Tensor labels = {};  // int64 [N]; predict needs none
  at::Tensor groups = {};  // int64 [N], from 0; for Condition::kGroup, and the report
  // float64 [N], likelihood ratios of a known covariate shift, at calibration and at prediction;
  // Condition::kNone only.
  at::Tensor weights = {};
  at::Tensor rows = {};  // int64 [M]; all N if undefined
  // int64, for fit: these rows tune and all of `rows` calibrate, instead of Options::tune_fraction of them.
  at::Tensor tuning = {};
};

// Sets as compressed rows: the labels of the i-th example, by decreasing probability, are
// labels[offsets[i] : offsets[i + 1]].
struct Sets {
  at::Tensor offsets;  // int64 [M + 1]
  at::Tensor labels;   // int64
  at::Tensor sizes() const { return offsets.diff(); }
};

// All that a fitted object is, and what to_json writes.
struct Fitted {
  Rule rule = {};
  double temperature = 1;
  double alpha = 0.1;
  Condition condition = Condition::kNone;
  uint64_t seed = 0;
  int64_t num_classes = 0;
  int64_t num_tuning = 0;
  std::vector<std::string> classes = {}, groups = {};
  // Calibration scores, ascending; one pool, or one a group, class or cluster.
  std::vector<std::vector<double>> pools = {};
  std::vector<int64_t> pool_of_class = {};  // kClass, kCluster: [K]
  std::vector<double> weights = {};         // of the scores of the only pool, or none
};

class Conformal {
 public:
  // Throws InputError: options out of range, labels out of [0, K), a row that is no distribution, an empty
  // tuning or calibration part.
  static Conformal fit(const Examples& examples, const Options& options = {});
  explicit Conformal(Fitted fitted);  // throws InputError on what does not fit together

  // Throw InputError for another number of classes than at calibration.
  Sets predict(const Examples& examples) const;
  // (1 + #{s_i >= s(y)}) / (n + 1) of every label, float64 [M, K]: y ∈ C ⇔ p(y) > α. With allow_empty,
  // not for kCalibrationOnly and kNaive.
  at::Tensor p_values(const Examples& examples) const;

  // The same calibration at another α, for a stream that adjusts it: all labels for α <= 0, none for α >= 1.
  Conformal at_alpha(double alpha) const;

  const Fitted& fitted() const { return fitted_; }
  const std::vector<double>& thresholds() const { return thresholds_; }  // τ̂ of each pool
  int64_t num_calibration() const;                                       // n, all pools
  // What a person should know: too few examples for α, logits that look like probabilities, …
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Fitted fitted_;
  std::vector<double> thresholds_, cumulative_weights_;
  std::vector<std::string> warnings_;
  friend class SetBuilder;
};

// {"format": "lathe.conformal", "version": 1, "temperature", "k_reg", "lambda", "thresholds", "n", "alpha",
// "seed", "classes", …}. Loading throws InputError with the key that is wrong.
nlohmann::json to_json(const Conformal& conformal);
Conformal conformal_from_json(const nlohmann::json& json);

// "raps", "size", "calibration-only", "cluster", … and back; throws InputError naming what there is.
std::string to_string(Method method);
std::string to_string(Randomized randomized);
std::string to_string(Condition condition);
Method parse_method(const std::string& text);
Tune parse_tune(const std::string& text);
Randomized parse_randomized(const std::string& text);
Condition parse_condition(const std::string& text);

// log p, so that softmax gives the probabilities back. Throws InputError for the first row that is no
// distribution.
at::Tensor logits_of_probabilities(const at::Tensor& probabilities);

}  // namespace lathe::evaluate::conformal
